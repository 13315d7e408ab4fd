"""The rules, a file a family; a file dropped in here is found."""
