"""What the game's numbers and codes are called; each table tells its source and date."""
