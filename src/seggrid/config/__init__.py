"""The typed experiment file: one section a module, closed to unknown keys, frozen."""

from seggrid.config.experiment import Experiment
from seggrid.config.load import experiment_folders, find_experiment, load_experiment, parse_experiment
from seggrid.config.mixture import Mixture, Term
from seggrid.config.network import Network
from seggrid.config.training import Training

__all__ = [
    "Experiment",
    "Mixture",
    "Network",
    "Term",
    "Training",
    "experiment_folders",
    "find_experiment",
    "load_experiment",
    "parse_experiment",
]
