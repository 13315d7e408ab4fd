"""Recipes of classifiers, a file for those that are trained alike."""
