"""One adapter for every network: ``(N, C_in, *S) -> logits (N, C, *S)`` for any image size."""

from seggrid.networks.adapter import SegmentationNetwork, build_network, load_weights
from seggrid.networks.forward import compute_logits, place

__all__ = ["SegmentationNetwork", "build_network", "compute_logits", "load_weights", "place"]
