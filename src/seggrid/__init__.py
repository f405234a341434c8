"""Which network x loss mixture segments a medical image best, by how much, and how sure are we."""

__version__ = "0.1.0"
