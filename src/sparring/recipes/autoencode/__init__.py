"""Recipes of autoencoders, a file for those that are trained alike."""
