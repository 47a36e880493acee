"""The library's books: what there is, and how many copies of it are in the house."""
