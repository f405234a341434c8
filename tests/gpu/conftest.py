"""Tests of this folder need a GPU; where there is none they are not collected."""

from __future__ import annotations

import os

import torch

collect_ignore_glob = [] if torch.cuda.is_available() else ["*"]

# What deterministic products of matrices need, before the first one.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
