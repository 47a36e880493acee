"""The people of the library: members, some of whom are its staff."""
