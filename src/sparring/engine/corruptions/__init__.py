"""Random changes to what an autoencoder is shown, one file a kind."""
