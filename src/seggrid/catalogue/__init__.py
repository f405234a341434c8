"""What can be named in an experiment: losses, metrics, preprocessing steps and networks.

The rows carry no code, only names, parameters, versions and where the implementation lives, so that reading
an experiment, planning it and showing ``--help`` never import torch. Adding a loss, a metric or a step is one
file and one row here. Bump a row's ``version`` when its numbers change: runs that used it get another identity,
all others keep theirs.
"""

from seggrid.catalogue.losses import LOSSES
from seggrid.catalogue.metrics import METRICS
from seggrid.catalogue.networks import ARCHITECTURES, NETWORKS, axes_of
from seggrid.catalogue.postprocessing import POSTPROCESSING
from seggrid.catalogue.rows import ArchitectureRow, LossRow, MetricRow, NetworkRow, Parameter, Row, StepRow
from seggrid.catalogue.steps import STEPS

#: Versions of what has no row of its own, bumped when its numbers change: reading files, stored borders and splits;
#: the training loop, augmentation included; inference; how ensembles are joined.
DATA_VERSION = 1
TRAINING_VERSION = 2
INFERENCE_VERSION = 1
ENSEMBLE_VERSION = 2

__all__ = [
    "ARCHITECTURES",
    "DATA_VERSION",
    "ENSEMBLE_VERSION",
    "INFERENCE_VERSION",
    "LOSSES",
    "METRICS",
    "NETWORKS",
    "POSTPROCESSING",
    "STEPS",
    "TRAINING_VERSION",
    "ArchitectureRow",
    "LossRow",
    "MetricRow",
    "NetworkRow",
    "Parameter",
    "Row",
    "StepRow",
    "axes_of",
]
