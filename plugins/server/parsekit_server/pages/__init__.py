"""The pages that people see: a function for each, with nothing of HTTP's machinery in it."""
