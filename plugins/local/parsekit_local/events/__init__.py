"""What happened in a match and where everybody was: `parsekit.Timeline` from the columns.

Each kind of event has a module of its own; ``docs/events.md`` has the rules in words.
"""
