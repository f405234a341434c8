"""The champion behind a real scoring server: its mask is that of ``seggrid predict``, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from mlflow import MlflowClient

from seggrid.config.phantom import KneeSettings
from seggrid.inference.model import open_model
from seggrid.phantom import radiograph
from seggrid.prediction.stage import predict_files
from seggrid.tracking.fetch import fetch_model
from seggrid.tracking.stage import track
from tests.conftest import REPOSITORY
from tests.unit.tracking.server import free_port, post, process

NAME = "tiny"
KNEES = REPOSITORY.parent / "shared" / "data" / "knee_lateral" / "images"


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, npt.NDArray[np.uint8]]:
    """Files in ``tmp_path/pictures``: real radiographs where they are beside the checkout, else drawn ones."""
    (tmp_path / "pictures").mkdir()
    found = {path.name: cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in sorted(KNEES.glob("*.png"))[:2]}
    settings = KneeSettings(subjects=2, frames=1, size=200)
    found = found or {f"{n}.png": np.uint8(255 * radiograph(settings, n, 0).image) for n in range(2)}
    found = {name: np.ascontiguousarray(image[: 300 + 40 * n]) for n, (name, image) in enumerate(found.items())}
    for name, image in found.items():
        cv2.imwrite(str(tmp_path / "pictures" / name), image)
    return found


def test_a_server_answers_with_the_mask_that_predict_writes(
    client: MlflowClient, tmp_path: Path, pictures: dict[str, npt.NDArray[np.uint8]]
) -> None:
    track(NAME)
    model = open_model(str(fetch_model(f"models:/{NAME}@champion")))
    predict_files(model, [tmp_path / "pictures"], tmp_path / "masks", overlays=False)
    port = free_port()
    command = ["models", "serve", "-m", f"models:/{NAME}@champion", "--env-manager", "local", "-p", str(port)]
    url = f"http://127.0.0.1:{port}"
    with process(
        command, tmp_path / "log", f"{url}/ping", MLFLOW_TRACKING_URI=client.tracking_uri, OMP_NUM_THREADS="2"
    ):
        bodies = [{"inputs": [image.tolist()]} for image in pictures.values()]
        bodies.append({"inputs": [image.tolist() for image in pictures.values()]})
        header = {"Content-Type": "application/json"}
        answers = [json.loads(post(f"{url}/invocations", json.dumps(body).encode(), header)) for body in bodies]
    single = [answer["predictions"][0] for answer in answers[:2]]
    assert answers[2]["predictions"] == single
    for name, mask in zip(pictures, single, strict=True):
        pixels = np.array(mask, np.uint8)
        assert len(np.unique(pixels)) > 1
        assert cv2.imencode(".png", pixels)[1].tobytes() == (tmp_path / "masks" / name).read_bytes()
