"""Real servers on free loopback ports, each started by a context manager and ended with it."""
