"""Effects compare what differs in one factor only."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from seggrid.analysis.effects import effects
from tests.unit.analysis.conftest import MakeEvidence

RNG = np.random.default_rng(3)
BASE = RNG.uniform(0.4, 0.6, 12)


def effect(found: pd.DataFrame, factor: str, level: str, reference: str = "") -> pd.Series:
    rows = found[(found["factor"] == factor) & (found["level"] == level) & (found["reference"] == reference)]
    assert len(rows) == 1
    return rows.iloc[0]


def test_planted_effects_are_found(make_evidence: MakeEvidence) -> None:
    gain = {"ce": 0.0, "dice": 0.05, "boundary": 0.01}
    losses = ["ce", "0.50*ce + 0.50*dice", "0.50*ce + 0.50*boundary", "0.40*ce + 0.30*dice + 0.30*boundary"]
    candidates = [(network, loss) for network in ("FPN", "UNet") for loss in losses]
    values = np.stack([
        BASE + 0.1 * (network == "UNet") + sum(gain[name] for name in gain if name in loss)
        for network, loss in candidates
    ])  # fmt: skip
    networks, mixtures = zip(*candidates, strict=True)
    found = effects(make_evidence(values, losses=mixtures, networks=networks))
    row = effect(found, "term", "dice")
    assert row["pairs"] == 4
    assert row[["overlap", "overlap_low", "overlap_high"]].to_list() == pytest.approx([0.05] * 3)
    assert row["distance"] == pytest.approx(-0.5)
    assert effect(found, "term", "boundary")["overlap"] == pytest.approx(0.01)
    network = effect(found, "network", "UNet", "FPN")
    assert (network["pairs"], network["overlap"]) == (4, pytest.approx(0.1))
    exchange = effect(found, "exchange", "dice", "boundary")
    assert (exchange["pairs"], exchange["overlap"]) == (2, pytest.approx(0.04))


def test_a_parameter_of_a_loss_is_a_factor(make_evidence: MakeEvidence) -> None:
    losses = ["focal(gamma=1)", "focal", "0.50*ce + 0.50*focal(gamma=1)", "0.50*ce + 0.50*focal"]
    values = np.stack([BASE, BASE + 0.02, BASE, BASE + 0.04])
    found = effects(make_evidence(values, losses=losses))
    row = effect(found, "parameter", "focal(gamma=1)", "focal")
    assert (row["pairs"], row["overlap"]) == (2, pytest.approx(-0.03))


def test_many_weights_of_the_same_terms_are_one_cell(make_evidence: MakeEvidence) -> None:
    losses = ["ce", "0.50*ce + 0.50*dice", "0.25*ce + 0.75*dice"]
    found = effects(make_evidence(np.stack([BASE, BASE + 0.02, BASE + 0.06]), losses=losses))
    row = effect(found, "term", "dice")
    assert (row["pairs"], row["overlap"]) == (1, pytest.approx(0.04))


def test_few_groups_have_no_intervals(make_evidence: MakeEvidence) -> None:
    found = effects(make_evidence(np.stack([BASE[:4], BASE[:4] + 0.1]), losses=["ce", "0.50*ce + 0.50*dice"]))
    assert effect(found, "term", "dice")[["overlap_low", "overlap_high"]].isna().all()


def test_candidates_that_share_nothing_have_no_effects(make_evidence: MakeEvidence) -> None:
    values = np.stack([BASE, BASE])
    assert effects(make_evidence(values, losses=["ce", "0.50*dice + 0.50*boundary"], networks=["a", "b"])).empty
