"""What is put on normal pictures for a detector to find, one file a family."""
