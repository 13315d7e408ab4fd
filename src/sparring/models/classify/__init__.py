"""Classifiers, one file a family."""
