"""Networks and what they see, for a person who would rather look than read."""
