"""Pictures of the books' covers, kept as files."""
