"""What is made from the catalogue and kept in memory."""
