"""Ballchasing API parser for parsekit, with one budget for all workers."""
