"""From raw files to a preprocessed, memory-mapped data set with grouped folds.

Only ``preprocessing.restore``, ``device`` and ``augmentation`` import torch: reading and preprocessing do without.
"""
