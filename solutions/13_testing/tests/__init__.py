"""The service's tests, which drive it over HTTP as its users do."""
