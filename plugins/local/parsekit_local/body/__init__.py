"""Ballchasing's body of a match, from the header and from what the frames show."""
