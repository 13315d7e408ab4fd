"""Recipes that learn what normal pictures look like."""
