"""Networks and mixtures that fit: a loss of an output is run with the networks that give it."""

from __future__ import annotations

import pytest

from seggrid.errors import UserError
from tests.unit.plan.conftest import Study

BRANCH = "0.5*ce + 0.5*boundary_branch"


def test_a_pair_that_does_not_fit_is_not_run(study: Study) -> None:
    study.raw |= {"networks": ["UNet3D", "MultiTaskUNet3D"], "mixtures": ["ce", BRANCH], "folds": [0], "seeds": [0]}
    assert [(run.network, run.loss) for run in study.plan().runs] == [
        ("UNet3D", "ce"),
        ("MultiTaskUNet3D", "ce"),
        ("MultiTaskUNet3D", "0.50*ce + 0.50*boundary_branch"),
    ]


def test_a_mixture_that_fits_no_network_is_an_error(study: Study) -> None:
    study.raw |= {"networks": ["UNet3D", "UNet_R18"], "mixtures": ["ce", BRANCH]}
    with pytest.raises(UserError, match="reads the output boundary, which no network here gives; add one that does"):
        study.plan()


def test_a_search_needs_the_output_of_every_network(study: Study) -> None:
    study.raw |= {"networks": ["MultiTaskUNet3D", "VNet"], "mixtures": ["ce"]}
    study.raw["search"] = {"space": {"terms": ["ce", "boundary_branch"]}}
    with pytest.raises(UserError, match="boundary_branch reads the output boundary, which VNet does not give"):
        study.plan()


@pytest.mark.parametrize(
    "change",
    [
        {"mixtures": ["0.5*ce + 0.5*boundary_branch(region=interface)"], "networks": ["MultiTaskUNet3D"]},
        {"training": {"patch_size": [8, 8], "patch_sampling": {"interface": 0.5}}},
    ],
)
def test_an_interface_lies_between_two_objects(study: Study, change: dict[str, object]) -> None:
    study.raw |= {"data": {"source": "phantom", "wrist": {"subjects": 12}}, **change}
    with pytest.raises(UserError, match="an interface lies between two objects, but the data have one"):
        study.plan()
