"""Autoencoders, one file a family."""
