"""Mutated requests on everything of the EHR face, in process: see ``tests.fuzz.campaign``."""
