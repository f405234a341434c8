"""One adapter for every network: ``(N, C_in, *S) -> logits (N, C, *S)`` for any image size."""

from seggrid.networks.adapter import build_network, load_weights
from seggrid.networks.forward import compute_logits, compute_outputs, place
from seggrid.networks.precision import computed_precision
from seggrid.networks.segmentation import Outputs, SegmentationNetwork

__all__ = [
    "Outputs",
    "SegmentationNetwork",
    "build_network",
    "compute_logits",
    "compute_outputs",
    "computed_precision",
    "load_weights",
    "place",
]
