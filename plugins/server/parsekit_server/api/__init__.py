"""Ballchasing's API: a function for each call, with nothing of HTTP's machinery in it."""
