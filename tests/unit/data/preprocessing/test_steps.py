"""Intensity steps and filters against their libraries, and what every step must do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seggrid.catalogue import STEPS
from seggrid.config.preprocessing import Step
from seggrid.data.preprocessing.geometry import Place
from seggrid.data.preprocessing.intensity import FlatError
from seggrid.data.preprocessing.pipeline import Pipeline
from seggrid.errors import UserError

ORACLES = ("P01_image_96x80", "P02_image_256")


def run(image: np.ndarray, *steps: Any) -> np.ndarray:
    labels = np.zeros(image.shape[1:], np.uint8)
    place = Place((1.0,) * labels.ndim)
    return Pipeline([Step.model_validate(step) for step in steps])(image, labels, place)[0]


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).gamma(2, 300, (2, 40, 48)).astype(np.uint16)


@pytest.mark.parametrize("name", STEPS)
def test_every_step_runs_with_its_defaults(image: np.ndarray, name: str) -> None:
    step = {name: {"spacing": [2.0, 1.0]}} if name == "resample" else name
    result = run(image, step)
    assert result.dtype == np.float32
    assert result.ndim == 3
    assert np.isfinite(result).all()
    assert np.array_equal(result, run(image, step))


@pytest.mark.parametrize("name", [name for name in STEPS if name not in ("bilateral", "resize")])
def test_every_step_but_two_runs_in_3d(name: str) -> None:
    volume = np.random.default_rng(0).normal(0, 1, (1, 20, 24, 16)).astype(np.float32)
    assert run(volume, name).ndim == 4


def test_z_score_and_min_max_act_on_each_channel(image: np.ndarray) -> None:
    scored = run(image, "z_score")
    assert np.allclose(scored.mean((1, 2)), 0, atol=1e-5)
    assert np.allclose(scored.std((1, 2)), 1, atol=1e-5)
    scaled = run(image, "min_max")
    assert (scaled.min((1, 2)) == 0).all()
    assert (scaled.max((1, 2)) == 1).all()


def test_window_and_percentile_clip_bound_the_values(image: np.ndarray) -> None:
    windowed = run(image, {"window": {"low": 100, "high": 500}})
    assert (windowed.min(), windowed.max()) == (100, 500)
    clipped = run(image, {"percentile_clip": {"low": 10, "high": 80}})
    assert np.allclose(clipped.min((1, 2)), np.percentile(image, 10, (1, 2)))
    assert np.allclose(clipped.max((1, 2)), np.percentile(image, 80, (1, 2)))


def test_a_scaled_window_is_the_same_for_every_image() -> None:
    step = {"window": {"low": -200, "high": 600, "scale": True}}
    pixels = np.array([[[-1000, -200, 0, 400, 600, 3000]]], np.int16)
    assert run(pixels, step).tolist() == [[[0.0, 0.0, 0.25, 0.75, 1.0, 1.0]]]
    assert run(pixels[..., :2], step).tolist() == [[[0.0, 0.0]]]
    assert Step.model_validate(step).normalises
    # Runs that do not use it keep their identity.
    plain = Step.model_validate({"window": {"low": -200, "high": 600, "scale": False}})
    assert plain.identity() == ["window", 1, {"high": 600.0, "low": -200.0}]
    assert not plain.normalises


def test_bilateral_smooths_but_keeps_the_edge() -> None:
    rng = np.random.default_rng(0)
    step = np.repeat([0.0, 1000.0], 24)[None, None].repeat(40, 1) + rng.normal(0, 10, (1, 40, 48))
    smooth = run(step, "bilateral")
    assert smooth[0, :, 4:20].std() < 5
    assert smooth[0, :, 24:].mean() - smooth[0, :, :24].mean() == pytest.approx(1000, abs=5)
    assert np.diff(smooth[0], axis=1)[:, 23].min() > 900


def test_multilevel_threshold_appends_a_channel(image: np.ndarray) -> None:
    result = run(image, {"multilevel_threshold": {"classes": 4}})
    assert result.shape == (3, 40, 48)
    assert np.array_equal(result[:2], image)
    assert np.allclose(np.unique(result[2]), [0, 1 / 3, 2 / 3, 1])


def test_a_step_that_does_not_suit_is_named(image: np.ndarray) -> None:
    with pytest.raises(FlatError, match="preprocessing step z_score: a channel has the value 0 everywhere"):
        run(image, {"window": {"low": -5, "high": 0}}, "z_score")
    with pytest.raises(UserError, match="preprocessing step bilateral: bilateral works on 2-D images"):
        run(np.random.default_rng(0).normal(0, 1, (1, 9, 9, 9)), "bilateral")


@pytest.mark.parametrize("case", ORACLES)
def test_public_references(shared: Path, case: str) -> None:
    with np.load(shared / "oracles" / "cases.npz") as oracles:
        picture = oracles[f"{case}/in/image_uint8"][None]
        expected = {
            name: oracles[f"{case}/exp/{name}"]
            for name in ("equalize_hist@skimage", "stretch_p2_p98@skimage", "median3@scipy")
        }
        levels = {n: oracles[f"{case}/exp/multiotsu_{n}classes@skimage"] for n in (2, 3, 4)}
    assert np.array_equal(run(picture, "median")[0], expected["median3@scipy"])
    assert np.allclose(run(picture, "equalise")[0], expected["equalize_hist@skimage"], atol=1e-6)
    assert np.allclose(run(picture, "contrast_stretch")[0], expected["stretch_p2_p98@skimage"], atol=1e-6)
    for count, thresholds in levels.items():
        channel = run(picture, {"multilevel_threshold": {"classes": count}})[1]
        wanted = np.digitize(picture[0], thresholds) / (count - 1)
        assert np.mean(np.abs(channel - wanted) > 1e-6) < 0.02
