"""AHA PREVENT base equations."""
