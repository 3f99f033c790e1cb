"""The evidence of the suite ``smart``, a stretch of it in each file."""
