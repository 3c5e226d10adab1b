"""Many replays on one machine: which files are meant, and answers in their order."""
