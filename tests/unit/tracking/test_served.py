"""A model that MLflow serves takes the spacing of its images, and gives the masks that ``seggrid predict`` writes."""

from __future__ import annotations

from pathlib import Path

import mlflow
import numpy as np
import pytest

from seggrid.data.sources.files import read_mask
from seggrid.errors import UserError
from seggrid.prediction.stage import predict_files
from seggrid.tracking.registry import save_served
from tests.unit.data.sources.volume_files import write_volume
from tests.unit.prediction.volume_models import SPACING, model_of_volumes, scan


def test_a_model_that_resamples_takes_the_spacing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))
    model, image = model_of_volumes(tmp_path / "raw"), scan(7)[0]
    write_volume(tmp_path / "a.nii.gz", image, SPACING)
    predict_files(model, [tmp_path / "a.nii.gz"], tmp_path / "out", overlays=False)
    expected, _ = read_mask(tmp_path / "out" / "a.nii.gz")
    assert set(np.unique(expected)) == {0, 1}
    save_served(model, tmp_path / "model", mlflow.models.Model())
    pins = (tmp_path / "model" / "requirements.txt").read_text()
    assert "monai==" in pins, "a model of volumes may be one of MONAI's, and is predicted in its windows"
    served = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    for spacing in (list(SPACING), [2, 1, 1]):
        masks = served.predict(image[None], params={"spacing": spacing})
        assert np.array_equal(masks, expected[None])
    assert not np.array_equal(served.predict(image[None], params={"spacing": [1.0, 1.0, 3.0]}), expected[None])
    assert np.asarray(served.input_example).shape == (1, 64, 64, 64)
    with pytest.raises(UserError, match=r"needs the spacing of the images; give params="):
        served.predict(image[None])
    for wrong in ([2.0, 1.0], [2.0, 1.0, 0.0], [2.0, 1.0, float("nan")]):
        with pytest.raises(UserError, match=r"spacing: .* should be 3 positive numbers, the mm per axis"):
            served.predict(image[None], params={"spacing": wrong})


def test_a_data_set_of_one_spacing_needs_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))
    model, image = model_of_volumes(tmp_path / "raw", spacing=list(SPACING)), scan(7)[0]
    save_served(model, tmp_path / "model", mlflow.models.Model())
    served = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    given = served.predict(image[None], params={"spacing": list(SPACING)})
    assert np.array_equal(served.predict(image[None]), given)
