"""Formats that hold decoded pictures: one file each, found where it is dropped."""
