"""Architectures, one file a family. Constructors take the data's spec and keyword-only settings."""
