"""A distribution for somebody's plugin, written from templates."""
