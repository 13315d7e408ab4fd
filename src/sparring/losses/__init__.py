"""Losses, penalties and objectives: what each player is judged by."""
