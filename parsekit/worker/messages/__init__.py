"""What travels between callers and workers: how it must look, what it says, how it ends."""
