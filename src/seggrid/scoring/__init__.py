"""From the rows of all evaluated runs to a ranking with its uncertainty."""
