"""Two experiments side by side on one page."""
