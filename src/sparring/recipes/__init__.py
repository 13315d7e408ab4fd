"""Recipes: one function each, from what is known of the data to everything that a run is."""
