"""The network stream of a replay, decoded into columns by frame."""
