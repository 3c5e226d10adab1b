"""One page of a match, a series, a player or a season, as a file that needs nothing else."""
