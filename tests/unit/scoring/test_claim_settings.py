"""How claims are written: mistakes are told in a sentence, and no run depends on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seggrid.config import Experiment
from seggrid.config.load import parse_experiment
from seggrid.errors import UserError
from seggrid.plan import make_plan
from tests.unit.scoring.conftest import LCE2, experiment


@pytest.mark.parametrize(
    ("claim", "sentence"),
    [
        ({**LCE2, "worse": {"loss": "wieghted_ce"}}, "claims[0].worse.loss: wieghted_ce is no label or expression of a "
         "mixture (did you mean weighted_ce?)"),
        ({**LCE2, "worse": {"network": "UNet_R1"}}, "claims[0].worse.network: UNet_R1 is not one of the networks "
         "(did you mean UNet_R18?)"),
        ({**LCE2, "metric": "hd"}, "claims[0].metric: hd is not measured; add it to evaluation.metrics"),
        ({**LCE2, "worse": {"loss": "dual"}}, "claims[0]: nothing is compared; let better and worse select different "
         "candidates"),
        ({**LCE2, "metric": "volume_bias"}, "claims[0].metric: volume_bias is best at 0, so neither more nor less of "
         "it is better; name another metric"),
        ({**LCE2, "worse": {}}, "claims[0].worse: name a network or a loss"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(claim: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_experiment(experiment(claims=[claim]), "x.yaml")
    assert str(caught.value) == f"x.yaml: {sentence}"


def test_ensembles_over_seeds_have_no_partner() -> None:
    claim = {"text": "joined", "better": {"network": "ensemble", "loss": "joined"},
             "worse": {"network": "UNet_R18", "loss": "dual"}}  # fmt: skip
    ensembles = [{"label": "joined", "over_seeds": True}, {"label": "each"}]
    with pytest.raises(UserError) as caught:
        parse_experiment(experiment(claims=[claim], seeds=[0, 1, 2], ensembles=ensembles), "x.yaml")
    assert str(caught.value) == (
        "x.yaml: claims[0]: joined joins all seeds, and claims pair runs of the same seed; name an ensemble without "
        "over_seeds"
    )
    claim["better"] = {"network": "ensemble", "loss": "each"}
    Experiment.model_validate(experiment(claims=[claim], seeds=[0, 1, 2], ensembles=ensembles))


def test_expressions_and_labels_name_the_same_mixture() -> None:
    for name in ("dual", "dual_level_ce", "1.0*dual_level_ce"):
        Experiment.model_validate(experiment(claims=[{**LCE2, "better": {"loss": [name]}}]))


def test_claims_change_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path))
    plans = [make_plan(Experiment.model_validate(experiment(claims=c)), []) for c in ([], [LCE2])]
    assert plans[0].runs == plans[1].runs
