"""Chart summary by a fixed template."""
