"""Networks that say where a picture is not as the others are, one file a family."""
