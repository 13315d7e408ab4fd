"""Measurements against what everybody else does; each is a module to run from the repository's root."""
