"""Batches make prediction faster, and change no mask."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from seggrid.inference import segmenter
from seggrid.inference.device import choose_device
from seggrid.inference.model import open_model
from seggrid.inference.segmenter import Segmenter
from seggrid.prediction.reading import batches
from seggrid.prediction.stage import predict_files
from tests.unit.prediction.conftest import MakeRun, contents, draw


def test_a_mask_does_not_depend_on_its_batch(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segmenter, "BATCH", {"cpu": 4})
    networks = [{"name": "attention", "architecture": "Segformer", "encoder": "mit_b0"}]
    model, images = open_model(make_run(seed=3, networks=networks)), tmp_path / "raw" / "images"
    predict_files(model, [images], tmp_path / "all", overlays=False)
    for number in (5, 0):
        predict_files(model, [images / f"c{number}.png"], tmp_path / "alone", overlays=False)
        alone, together = (tmp_path / folder / f"c{number}.png" for folder in ("alone", "all"))
        assert alone.read_bytes() == together.read_bytes()
    pixels = [Segmenter(model, choose_device("cpu")).prepare(draw(number)[None]) for number in range(6)]
    sizes: list[int] = []
    original = Segmenter.segment
    monkeypatch.setattr(Segmenter, "segment", lambda self, images: sizes.append(len(images)) or original(self, images))
    predict_files(model, [images], tmp_path / "again", overlays=False)
    assert (sizes, len({image.pixels.shape for image in pixels})) == ([4, 2], 1)


def test_images_of_several_sizes_are_batched_by_size(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = open_model(make_run(preprocessing=["z_score"]))
    predict_files(model, [tmp_path / "raw" / "images"], tmp_path / "single", overlays=False)
    monkeypatch.setattr(segmenter, "BATCH", {"cpu": 4})
    shutil.copy(tmp_path / "raw" / "images" / "c1.png", tmp_path / "raw" / "images" / "c1b.png")
    predict_files(model, [tmp_path / "raw" / "images"], tmp_path / "batched", overlays=False)
    batched = contents(tmp_path / "batched")
    assert batched["c1b.png"] == batched["c1.png"]
    assert {name: batched[name] for name in (f"c{i}.png" for i in range(6))} == {
        name: content for name, content in contents(tmp_path / "single").items() if name != "areas.csv"
    }


@pytest.mark.usefixtures("threads")
def test_images_of_two_sizes_in_turn_fill_their_batches(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = open_model(make_run(preprocessing=["z_score"]))
    monkeypatch.setattr(segmenter, "BATCH", {"cpu": 4})
    (tmp_path / "in").mkdir()
    for number in range(8):
        cv2.imwrite(str(tmp_path / "in" / f"{number}.png"), draw(number, ((60, 90), (70, 80))[number % 2]))
    sizes: list[int] = []
    original = Segmenter.segment
    monkeypatch.setattr(Segmenter, "segment", lambda self, images: sizes.append(len(images)) or original(self, images))
    predict_files(model, [tmp_path / "in"], tmp_path / "out", overlays=False)
    assert sizes == [4, 4]


def test_few_images_of_many_sizes_wait_at_a_time() -> None:
    """However many sizes there are: each waits in memory."""
    images = [SimpleNamespace(prepared=SimpleNamespace(pixels=np.empty((1, n, 9)))) for n in range(100)]
    taken = 0

    def counted() -> Iterator[Any]:
        nonlocal taken
        for image in images:
            taken += 1
            yield image

    for done, batch in enumerate(batches(counted(), 8), start=1):
        assert len(batch) == 1
        assert taken - done <= 5
    assert taken == done == 100
