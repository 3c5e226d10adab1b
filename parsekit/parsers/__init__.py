"""Runs parsers: remote ones in the calling thread, local ones each in a confined process."""
