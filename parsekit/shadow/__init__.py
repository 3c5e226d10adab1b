"""A second parser beside the first, within a budget, and how their results differ."""
