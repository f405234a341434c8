"""From image files to mask files, overlays and a table of areas."""
