"""Folders that the game writes into: each replay is taken once, when it is whole."""
