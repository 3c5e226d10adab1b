"""What this process writes about its work: one line a step, for machines or for people.

`redaction` keeps secrets out, `record` reads a line's facts, `json_lines` and `text_lines` write
them, `setup` installs one of the two, `steps` times the steps of a task. Importing this package
imports none of them.
"""
