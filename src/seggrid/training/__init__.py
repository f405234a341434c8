"""Training one run: a loop that can be killed at any moment, under a parent that says how it ended."""
