"""Means to test parsekit and its plugins: conformance kit, synthetic replays, real servers, faults."""
