"""Classical models, which need no training by slopes."""
