"""Forms of tables: the files that there are, and what a user reads after a mistake in one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from seggrid.config.forms import load_form
from seggrid.errors import UserError

NAMES = ("chen2023", "jin2025", "li2025", "radillah", "valverde", "wang2026")
GOOD: dict[str, Any] = {
    "reference": "wang2026",
    "parts": [{"name": "all", "caption": "All.", "columns": [{"value": "dice", "heading": "Dice"}]}],
}


def test_every_file_of_the_checkout_is_valid(repository: Path) -> None:
    assert sorted(path.stem for path in (repository / "config" / "tables").glob("*")) == list(NAMES)
    for name in NAMES:
        assert load_form(name).name == name


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ({"columns": [{"value": "dise", "heading": "D"}]}, "parts[0].columns[0].value: unknown metric 'dise' (did you"),
        ({"columns": [{"value": "hd95", "heading": "H", "of": "pooled"}]}, "hd95 has no pooled value"),
        ({"columns": [{"value": "score", "heading": "S", "of": "each"}]}, "score is a value of the candidate"),
        ({"columns": [{"value": "score", "heading": "S", "sd": True}]}, "score has no standard deviation here"),
        ({"columns": [{"value": "dice", "heading": "D"}] * 2}, "columns: dice stands twice"),
        ({"rows": "image", "columns": [{"value": "overlap", "heading": "O"}]}, "overlap needs rows of candidates"),
        ({"name": "../up"}, "parts[0].name"),
        ({"loss": "ce"}, "parts[0]: loss: only a table of images shows one candidate; leave it out"),
    ],
)
def test_a_mistake_names_its_key(
    part: dict[str, Any], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "config" / "tables"
    folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    raw = {**GOOD, "parts": [{**GOOD["parts"][0], **part}]}
    (folder / "own.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_form("own")
    assert sentence in str(caught.value)


def test_an_unknown_form_names_the_nearest() -> None:
    with pytest.raises(UserError, match=r"tables: no table wang2025 \(did you mean wang2026\?\); known are chen2023"):
        load_form("wang2025")
