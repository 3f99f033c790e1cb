"""Editions of code systems: what a code was, and when. Forms of codes need no edition and stand in ``forms``."""
