"""What the server knows, in a database. Queries stand here and nowhere else."""
