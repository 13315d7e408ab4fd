"""Random changes to what a classifier learns from, one file a kind."""
