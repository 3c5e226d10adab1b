"""Replays that come from elsewhere in bulk, and everything given back as files."""
