"""Search for the best candidate in rounds: ask for trials, train them like any other run, tell what they reached."""
