"""Differences are paired by group, tested on groups, and adjusted for their number."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import wilcoxon

from seggrid.analysis.differences import against_baseline, differences, with_p_values
from seggrid.analysis.evidence import Evidence
from seggrid.scoring.paired import holm, signed_rank, smallest_detectable
from tests.unit.analysis.conftest import MakeEvidence

RNG = np.random.default_rng(0)
GROUPS = RNG.uniform(0.5, 0.8, 12)


def compare(evidence: Evidence, reference: list[int]) -> pd.DataFrame:
    return with_p_values(evidence, differences(evidence, reference))


def test_a_constant_difference_is_sure_however_far_the_groups_differ(make_evidence: MakeEvidence) -> None:
    found = compare(make_evidence(np.stack([GROUPS + 0.02, GROUPS])), [1, -1])
    assert found[["candidate", "reference"]].to_numpy().tolist() == [[0, 1]]
    row = found.iloc[0]
    assert row[["overlap", "overlap_low", "overlap_high"]].to_list() == pytest.approx([0.02] * 3)
    assert row["overlap_p"] == row["overlap_holm"] == pytest.approx(2 / 2**12)
    assert row["overlap_wins"] == row["overlap_groups"] == 12
    assert row["distance"] == pytest.approx(-0.2)
    assert row["distance_wins"] == 12


def test_noise_is_no_difference(make_evidence: MakeEvidence) -> None:
    noise = RNG.normal(0, 0.05, 12)
    row = compare(make_evidence(np.stack([GROUPS + noise - noise.mean(), GROUPS])), [1, 1]).iloc[0]
    assert row["overlap_low"] < 0 < row["overlap_high"]
    assert row["overlap_p"] == pytest.approx(wilcoxon(noise - noise.mean(), zero_method="pratt").pvalue)
    assert row["overlap_p"] > 0.05


def test_p_values_are_adjusted_within_the_family(make_evidence: MakeEvidence) -> None:
    values = np.stack([GROUPS, *(GROUPS + RNG.normal(0.01, 0.02, 12) for _ in range(4))])
    found = compare(make_evidence(values), [-1, 0, 0, 0, 0])
    raw = np.sort(found["overlap_p"].to_numpy())
    by_hand = np.minimum(np.maximum.accumulate(raw * np.arange(4, 0, -1)), 1)
    assert np.sort(found["overlap_holm"].to_numpy()) == pytest.approx(by_hand)


def test_few_groups_have_no_intervals_and_no_p_values(make_evidence: MakeEvidence) -> None:
    row = compare(make_evidence(np.stack([GROUPS[:5] + 0.1, GROUPS[:5]])), [1, -1]).iloc[0]
    assert row["overlap"] == pytest.approx(0.1)
    assert row[["overlap_low", "overlap_high", "overlap_p", "overlap_holm"]].isna().all()


def test_a_group_without_a_value_is_left_out(make_evidence: MakeEvidence) -> None:
    values = np.stack([GROUPS + 0.1, GROUPS])
    values[0, 3] = np.nan
    row = compare(make_evidence(values), [1, -1]).iloc[0]
    assert (row["overlap_wins"], row["overlap_groups"]) == (11, 11)


def test_each_candidate_has_the_baseline_of_its_own_network(make_evidence: MakeEvidence) -> None:
    evidence = make_evidence(
        np.stack([GROUPS] * 5), losses=["dice", "ce", "ce", "dice", "dice"], networks=["a", "a", "b", "b", "c"]
    )
    assert against_baseline(evidence, "ce") == [1, 1, 2, 2, -1]


def test_holm_leaves_out_what_has_no_p_value() -> None:
    assert holm(np.array([0.01, np.nan, 0.04])) == pytest.approx([0.02, np.nan, 0.04], nan_ok=True)


def test_nothing_that_differs_has_a_p_value_of_one(make_evidence: MakeEvidence) -> None:
    assert signed_rank(np.array([0.0, np.nan, 0.0])) == 1.0
    # The order of a sum is no difference.
    row = compare(make_evidence(np.stack([GROUPS + 1e-15, GROUPS])), [1, -1]).iloc[0]
    assert (row["overlap_p"], row["overlap_wins"]) == (1.0, 0)


def test_few_groups_with_both_values_have_no_p_value(make_evidence: MakeEvidence) -> None:
    values = np.stack([GROUPS + 0.1, GROUPS + RNG.normal(0, 0.01, 12), GROUPS])
    values[0, 5:] = np.nan
    found = compare(make_evidence(values), [2, 2, -1])
    assert np.isnan(found["overlap_holm"].iloc[0])
    # The other pair is tested as if it were alone.
    assert found["overlap_holm"].iloc[1] == found["overlap_p"].iloc[1]


@pytest.mark.parametrize(("groups", "effect"), [(10, 0.996), (20, 0.660), (34, 0.495)])
def test_the_smallest_difference_is_that_of_power_tables(groups: int, effect: float) -> None:
    # Effect sizes dz of a two-sided paired t-test, level 5 %, power 80 %, as G*Power has them.
    values = np.linspace(-1, 1, groups)
    values /= values.std(ddof=1)
    assert smallest_detectable(3 * values) == pytest.approx(3 * effect, abs=0.005)
    assert np.isnan(smallest_detectable(values[:1]))
