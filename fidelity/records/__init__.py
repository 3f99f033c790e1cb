"""What one record shows by itself: compiled once from the tables, then a few look-ups a record."""
