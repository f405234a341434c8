"""How long runs take: what is chosen for the probe, and what its times add up to. The probe itself: tests/workflow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from seggrid.errors import UserError
from seggrid.proposal.grids import propose_grids
from seggrid.proposal.probe import Probe, Timing, choose_cases, measure
from seggrid.proposal.settings import choose_settings
from tests.unit.proposal.conftest import Look


def test_the_time_of_a_grid_is_that_of_its_parts_shared_by_the_cores(folder: Path, look: Look) -> None:
    _, fingerprint, classes, _ = look(folder)
    settings = replace(choose_settings(fingerprint, classes), train=6, validation=1, test=2, steps=20)
    small, medium, _ = propose_grids(settings)
    timings = {"UNet_R18": Timing(5, 0.1, 1, 2), "Linknet_R18": Timing(3, 0.2, 1, 2)}
    probe = Probe("cpu", 2, 0.5, timings, {})
    unet = (5 + 15 * 20 * 0.1 + 5 * 1) + (5 + 3 * 2)
    linknet = (3 + 15 * 20 * 0.2 + 5 * 1) + (3 + 3 * 2)
    assert probe.seconds(small, settings, 9) == pytest.approx((9 * 0.5 + 3 * unet + 3 * linknet) / 2)
    assert replace(probe, cores=64).seconds(small, settings, 9) == pytest.approx((4.5 + 3 * unet + 3 * linknet) / 6)
    assert probe.seconds(medium, settings, 9) is None


def test_the_probe_sees_the_smallest_objects_and_several_groups(folder: Path, look: Look) -> None:
    (folder / "cases.csv").write_text("case,group\n" + "".join(f"c{n},p{max(0, n - 5)}\n" for n in range(9)))
    _, fingerprint, classes, _ = look(folder)
    small = [*classes[:1], replace(classes[1], areas=(500,) * 5 + (3,) + (500,) * 3)]
    chosen = choose_cases(fingerprint, small)
    assert len(chosen) == 8
    assert "c5" in chosen
    assert len({case.group for case in fingerprint.cases if case.case in chosen}) == 4


def test_too_few_groups_cannot_be_timed(folder: Path, look: Look) -> None:
    (folder / "cases.csv").write_text("case,group\n" + "".join(f"c{n},p{n % 2}\n" for n in range(9)))
    _, fingerprint, classes, _ = look(folder)
    with pytest.raises(UserError, match="2 groups cannot be split"):
        measure({}, ["UNet_R18"], fingerprint, classes, print)
