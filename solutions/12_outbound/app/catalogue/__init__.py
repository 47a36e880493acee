"""The outside catalogue: what Open Library knows about a book that this library may not have yet."""
