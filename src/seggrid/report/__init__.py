"""One self-contained page that says what an experiment found."""
