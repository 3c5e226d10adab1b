"""What the project's own tests, trials and benchmarks stand on; not a part of any distribution."""
