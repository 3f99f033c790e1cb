"""Boundary models: bodies that cross HTTP, filters in addresses, and the shapes of answers."""
