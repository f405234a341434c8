"""Keys that MLflow accepts."""

from __future__ import annotations

from mlflow.entities import Metric
from mlflow.utils.validation import _validate_metric

from seggrid.tracking.names import flatten, legal_keys


def test_keys_are_legal_grouped_and_short() -> None:
    names = ["loss:dice(smooth=1)", "nsd@2", "val_dice", "test/hd95", "dice:Patella, links", "dice:骨", "(", "x" * 400]
    keys = legal_keys(names)
    assert list(keys.values())[:5] == ["loss/dice_smooth_1", "nsd_2", "val_dice", "test/hd95", "dice/Patella_ links"]
    for key in keys.values():
        metric = Metric(key, 1.0, 0, 0)
        _validate_metric(metric.key, metric.value, metric.timestamp, metric.step)


def test_names_that_fall_together_stay_apart() -> None:
    keys = legal_keys(["dice:bone (l)", "dice:bone [l]", "dice:bone_l", "dice:bone (l)"])
    assert len(keys) == len(set(keys.values())) == 3


def test_settings_are_flattened() -> None:
    settings = {"a": {"b": {"c": 1.5, "d": None}, "e": [1, 2]}, "f": "text", "g": {}}
    assert flatten(settings) == {"a.b.c": "1.5", "a.b.d": "null", "a.e": "[1, 2]", "f": "text", "g": "{}"}
