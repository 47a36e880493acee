"""The workshop's own tests."""
