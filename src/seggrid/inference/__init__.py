"""From trained weights to masks at the original resolution, and what they measure."""
