"""Measures of what was made, each beside its floor."""
