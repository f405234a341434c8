"""The command line: exit status and what stands on which stream."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import seggrid
from seggrid import cli, inspection, verbs
from seggrid.errors import LostError, UserError
from seggrid.training import supervise

VALID = "data: {source: phantom}\nnetworks: [UNet_R18]\nmixtures: [dice, ce]\nfolds: [0]\n"
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_plan_writes_the_runs_and_says_how_many(place: Path, capsys: Capture) -> None:
    (place / "study.yaml").write_text(VALID)
    assert cli.main(["plan", "study.yaml"]) == 0
    assert capsys.readouterr().out.split(": ")[1].startswith("2 runs on phantom-")
    assert len(list((place / "results" / "runs").iterdir())) == 2


def test_an_experiment_is_found_here_first_then_in_the_checkout(place: Path, capsys: Capture) -> None:
    assert cli.main(["plan", "demo"]) == 0
    assert capsys.readouterr().out.startswith("demo: 8 runs on phantom-")
    (place / "config" / "experiments").mkdir(parents=True)
    (place / "config" / "experiments" / "demo.yaml").write_text(VALID)
    assert cli.main(["plan", "demo"]) == 0
    assert capsys.readouterr().out.split(": ")[1].startswith("2 runs on phantom-")


def test_a_data_folder_replaces_that_of_the_file(place: Path, capsys: Capture) -> None:
    (place / "study.yaml").write_text(VALID.replace("source: phantom", "source: folder, path: x, classes: [a]"))
    assert cli.main(["plan", "study.yaml", "--data", "nowhere"]) == 2
    assert "data.path: nowhere is not a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plan", "none"], "experiment=none: no such experiment"),
        (["plan", "none.yaml"], "none.yaml: no such experiment file"),
        (["preprocess", "none"], "spec.json: no such file"),
        (["train", "none"], "spec.json: no such file"),
        (["status", "none"], "run `seggrid plan none` first"),
        (["retry", "none"], "neither a planned experiment nor a run"),
        (["why", "none"], "spec.json: no such file"),
        (["diff", "none", "other"], "spec.json: no such file"),
        (["score", "none"], "none"),
    ],
)
def test_a_mistake_is_one_message_and_status_2(capsys: Capture, arguments: list[str], message: str) -> None:
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("seggrid: ")
    assert message in line


def test_several_mistakes_in_a_file_are_several_lines(place: Path, capsys: Capture) -> None:
    (place / "study.yaml").write_text(VALID + "trainig: 1\nseeds: [-1]\n")
    assert cli.main(["plan", "study.yaml"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[-2] for line in lines] == ["seeds[0]", "trainig"]
    assert not (place / "results").exists()


def test_a_fault_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(verbs, "status", fail)
    with pytest.raises(ZeroDivisionError):
        cli.main(["status", "x"])


def test_an_interrupt_ends_quietly(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    def interrupt(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(verbs, "status", interrupt)
    assert cli.main(["status", "x"]) == 130
    assert capsys.readouterr().err == ""


def test_a_user_error_is_told_by_whatever_verb(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    def refuse(_: object) -> int:
        raise UserError("data.path: gone")

    monkeypatch.setattr(verbs, "evaluate", refuse)
    assert cli.main(["evaluate", "a", "b"]) == 2
    assert capsys.readouterr().err == "seggrid: data.path: gone\n"


@pytest.mark.parametrize("arguments", [["trian", "x"], [], ["plan"], ["plan", "a", "b"], ["status", "x", "--speed"]])
def test_a_command_that_is_none_shows_the_usage(capsys: Capture, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("usage: seggrid")


def test_the_version_is_that_of_the_package(capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"{seggrid.__version__}\n"


def test_the_command_is_installed() -> None:
    assert (Path(sys.executable).parent / "seggrid").is_file()


def test_what_was_lost_ends_with_status_1_by_whatever_verb(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """Also a winner that is killed while it is trained on all cases."""

    def lose(_: object) -> int:
        raise LostError("run: the training was killed; run the same command again to resume")

    monkeypatch.setattr(verbs, "refit", lose)
    assert cli.main(["refit", "x"]) == 1
    assert capsys.readouterr().err == "seggrid: run: the training was killed; run the same command again to resume\n"


@pytest.mark.parametrize(("arguments", "from_start"), [(["retry", "x"], False), (["retry", "x", "--from-start"], True)])
def test_retry_keeps_checkpoints_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture, arguments: list[str], from_start: bool
) -> None:
    asked: list[tuple[str, bool]] = []

    def retry(run: str, start: bool) -> bool:
        asked.append((run, start))
        return True

    monkeypatch.setattr(inspection, "runs_of", lambda target: [target])
    monkeypatch.setattr(supervise, "retry", retry)
    assert cli.main(arguments) == 0
    assert asked == [("x", from_start)]
    assert capsys.readouterr().out == "cleared x\n"
