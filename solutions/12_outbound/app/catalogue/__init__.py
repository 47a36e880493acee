"""The outside catalogue: what Open Library knows about a book that the collection may not have yet."""
