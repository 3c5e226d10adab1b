"""Replays and results as objects: reading, atomic writing, naming, signing and checking them."""
