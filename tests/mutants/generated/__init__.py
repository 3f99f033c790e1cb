"""Mutants that nobody wrote: a row deleted from a table, a comparison turned round, a condition negated, by AST.

``sites`` finds where, ``trial`` tries one in a process of its own, ``__main__`` runs a sample with a fixed seed.
"""
