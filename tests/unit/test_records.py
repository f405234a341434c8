"""Files are written whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from seggrid.errors import UserError
from seggrid.paths import RunFolder
from seggrid.records import (
    RunStatus,
    atomic,
    digest,
    fresh_folder,
    read_json,
    read_model,
    read_status,
    sweep_parts,
    to_json,
    to_json_lines,
    write_if_changed,
    write_json,
    write_text,
)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_exception_leaves_the_old_file_and_no_other(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")

    def fail() -> None:
        with atomic(path) as temporary:
            temporary.write_text("half of the n")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("durable", [True, False])
def test_the_new_file_takes_its_place_at_the_end_only(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "deep" / "er" / "file.txt"
    with atomic(path, durable) as temporary:
        temporary.write_text("new")
        assert not path.exists()
        assert temporary.parent == path.parent
        assert temporary.name.startswith(".")
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]
    (tmp_path / "plain").touch()
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_two_writers_do_not_share_a_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    with atomic(path) as first, atomic(path) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"  # the outer one ends last
    assert list(tmp_path.iterdir()) == [path]


def test_write_if_changed_writes_only_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    assert write_if_changed(path, "a")
    stamp = path.stat()
    assert not write_if_changed(path, "a")
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (stamp.st_mtime_ns, stamp.st_ino)
    assert write_if_changed(path, "b")
    assert path.read_text() == "b"
    path.write_bytes(b"\xff\xfe")
    assert write_if_changed(path, "c")
    assert path.read_text() == "c"


def test_json_is_the_same_text_for_the_same_value(tmp_path: Path) -> None:
    assert to_json({"b": 1, "a": [Path("x"), "é"]}) == to_json({"a": [Path("x"), "é"], "b": 1})
    write_json(tmp_path / "x.json", {"b": 1.5, "a": "é"})
    assert read_json(tmp_path / "x.json") == {"a": "é", "b": 1.5}


def test_a_digest_is_a_function_of_the_value() -> None:
    assert digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})
    assert len({digest(value) for value in (1, "1", 1.0, True, [1], {"1": 1}, None, "")}) == 8
    # A change here renames every folder of results.
    assert digest(["é", 1]) == hashlib.sha256(b'["\\u00e9",1]').hexdigest()[:12]


def test_a_missing_or_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    with pytest.raises(UserError, match=r"x\.json: no such file; run the stage"):
        read_json(path)
    for content in (b"{", b"\xff"):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"x\.json: cannot be read \("):
            read_json(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_json(tmp_path)


def test_a_status_reads_back(tmp_path: Path) -> None:
    folder = RunFolder("r", tmp_path)
    folder.folder.mkdir(parents=True)
    assert read_status(folder) is None
    status = RunStatus(run_id="r", state="failed", reason="because", seconds=1.5)
    write_json(folder.status, status.model_dump(mode="json"))
    assert read_status(folder) == status


@pytest.mark.parametrize("state", ["completed", "failed"])
def test_a_run_has_ended_also_while_snakemake_has_deleted_its_status(tmp_path: Path, state: str) -> None:
    folder = RunFolder("r", tmp_path)
    folder.checkpoints.mkdir(parents=True)
    status = RunStatus.model_validate({"run_id": "r", "state": state})
    write_json(folder.finished, status.model_dump(mode="json"))
    folder.model.touch()
    assert read_status(folder) == status
    folder.model.unlink()
    assert (read_status(folder) is None) == (state == "completed"), "it must be trained again"


@pytest.mark.parametrize(
    ("content", "key"),
    [({"run_id": "r"}, "state: Field required"), ({"run_id": "r", "state": "done"}, "state: "), ([], ": ")],
)
def test_a_record_of_another_version_is_refused(tmp_path: Path, content: object, key: str) -> None:
    path = tmp_path / "status.json"
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match=rf"status\.json: {key}.*damaged or of another version") as caught:
        read_model(path, RunStatus)
    assert "\n" not in str(caught.value)


def test_an_object_in_lines_is_json_of_the_same_value() -> None:
    value = {"b": {"z": [1, "ü\n"], "a": None}, "a": 1.5}
    text = to_json_lines(value)
    assert json.loads(text) == value
    assert text.splitlines()[1].startswith('"a": 1.5')
    assert len(text.splitlines()) == len(value) + 2


def test_only_what_nobody_writes_to_is_swept(tmp_path: Path) -> None:
    names = [".a.csv.0f.part", ".b.csv.0f.part", "a.csv", "a.csv.part"]
    for name in names:
        (tmp_path / name).touch()
    os.utime(tmp_path / ".a.csv.0f.part", (1, 1))
    sweep_parts(tmp_path, 3600)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names[1:])
    os.utime(tmp_path / ".b.csv.0f.part", (2**33, 2**33))  # by the clock of another machine
    sweep_parts(tmp_path, 0, "a.csv")
    assert (tmp_path / ".b.csv.0f.part").exists()
    sweep_parts(tmp_path, 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names[2:])
    sweep_parts(tmp_path / "absent", 0)


def test_a_fresh_folder_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    for name in ("old", "new"):
        with fresh_folder(folder) as temporary:
            (temporary / name).write_text(name, encoding="utf-8")
    assert [path.name for path in folder.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [folder]


def test_a_fresh_folder_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "old").touch()
    with pytest.raises(RuntimeError), fresh_folder(folder):
        raise RuntimeError
    assert [path.name for path in folder.iterdir()] == ["old"]
    assert list(tmp_path.iterdir()) == [folder]
