"""Local parsers run in child processes, with limits, and can't take the caller down."""

from parsekit.isolation.pool import ChildPool

__all__ = ["ChildPool"]
