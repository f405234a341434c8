"""Ordered, named steps between a file and a network, and the way back for predictions."""
