"""Synthetic replay files: whole and valid, of matches that nobody played."""
