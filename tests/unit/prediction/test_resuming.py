"""Each mask is made once, and whole, however often and abruptly a call ends."""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

import pytest

from seggrid.errors import UserError
from seggrid.inference.model import open_model
from seggrid.prediction import stage
from seggrid.prediction.inputs import Input
from seggrid.prediction.stage import predict_files
from tests.unit.prediction.conftest import MakeRun, contents


def test_what_is_there_is_not_made_again(make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, images, out = open_model(make_run()), tmp_path / "raw" / "images", tmp_path / "out"
    predict_files(model, [images], out, overlays=True)
    before = contents(out)
    with monkeypatch.context() as patch:
        patch.setattr(stage, "Segmenter", None)
        assert predict_files(model, [images], out, overlays=True) == f"6 masks in {out}, 0 of them new"
    assert contents(out) == before
    (out / "c1.png").write_bytes(before["c1.png"][:50])  # cut off
    (out / "overlays" / "c2.png").unlink()
    shutil.copy(images / "c4.png", images / "c3.png")  # another image under the old name
    assert "6 masks" in (text := predict_files(model, [images], out, overlays=True))
    assert "3 of them new" in text
    after = contents(out)
    assert {name for name in before if after[name] != before[name]} == {"c3.png", "overlays/c3.png", "areas.csv"}


def test_another_model_makes_all_masks_anew(make_run: MakeRun, tmp_path: Path) -> None:
    images, out = tmp_path / "raw" / "images", tmp_path / "out"
    predict_files(open_model(make_run()), [images], out, overlays=True)
    first = contents(out)
    text = predict_files(open_model(make_run(seed=8)), [images], out, overlays=False)
    assert "6 of them new" in text
    assert contents(out)["c0.png"] != first["c0.png"]
    assert not (out / "overlays" / "c0.png").exists(), "a picture of another mask"


@pytest.mark.usefixtures("threads")
def test_a_killed_call_is_continued(make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, images, out = open_model(make_run()), tmp_path / "raw" / "images", tmp_path / "out"
    predict_files(model, [images], tmp_path / "whole", overlays=False)
    original, calls = stage.write_whole, []

    def killed(path: Path, content: bytes) -> None:
        calls.append(path)
        if len(calls) == 4:
            path.with_name(f".{path.name}.0123456789ab.part").write_bytes(b"half")
            raise KeyboardInterrupt
        original(path, content)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(stage, "write_whole", killed)
        predict_files(model, [images], out, overlays=False)
    written = len(list(out.glob("*.png")))
    assert 3 <= written < 6
    journal = out / ".predictions.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20])  # its last line is cut off
    assert f"{7 - written} of them new" in predict_files(model, [images], out, overlays=False)
    assert contents(out) == contents(tmp_path / "whole")
    assert not list(out.rglob("*.part"))
    assert "0 of them new" in predict_files(model, [images], out, overlays=False)


def test_one_call_writes_at_a_time(make_run: MakeRun, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with (tmp_path / "out" / ".predictions.jsonl").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="another `seggrid predict` writes there"):
            predict_files(open_model(make_run()), [tmp_path / "raw" / "images"], tmp_path / "out", overlays=False)


@pytest.mark.usefixtures("threads")
def test_an_image_that_is_replaced_while_it_is_read_is_read_again(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the mask of the old image would count as that of the new one."""
    model, images, out = open_model(make_run()), tmp_path / "raw" / "images", tmp_path / "out"
    original = Input.read

    def replaced(self: Input, frame: int = 1) -> object:
        found = original(self, frame)
        if self.name == "c1":
            shutil.copy(images / "c2.png", images / "c1.png")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(Input, "read", replaced)
        predict_files(model, [images], out, overlays=False)
    assert "1 of them new" in predict_files(model, [images], out, overlays=False)
    assert (out / "c1.png").read_bytes() == (out / "c2.png").read_bytes()


def test_a_folder_is_searched_for_leavings_once(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for every mask: that would take the square of their number."""
    swept: list[Path] = []
    monkeypatch.setattr(stage, "sweep_parts", lambda folder, _: swept.append(folder))
    predict_files(open_model(make_run()), [tmp_path / "raw" / "images"], tmp_path / "out", overlays=False)
    assert sorted(swept) == [tmp_path / "out", tmp_path / "out" / "overlays"]
