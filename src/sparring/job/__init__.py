"""The one place that joins recipe, data, players, observers and the run folder."""
