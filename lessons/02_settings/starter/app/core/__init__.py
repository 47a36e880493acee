"""What every part of the service stands on. Nothing here knows a domain module."""
