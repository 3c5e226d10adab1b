"""The header of a replay file: its properties, and the facts that they name."""
