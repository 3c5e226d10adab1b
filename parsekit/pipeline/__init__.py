"""The life of one task: look up, fetch, parse, store, report, whatever drives it."""
