"""The body that a parser answers, read without trust in its shape."""
