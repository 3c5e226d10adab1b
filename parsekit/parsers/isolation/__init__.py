"""Local parsers run in child processes, with limits, and can't take the caller down.

`pool` is the parent's side, `child` the program that it starts, `wire` what travels between them,
`sandbox` what a child may do. Nothing is imported here: a child starts without the parent's side.
"""
