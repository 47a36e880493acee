"""A lending library: books, the members who borrow them, and their loans."""
