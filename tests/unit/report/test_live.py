"""The live page follows the files, keeps the last good page, and writes nothing there."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from seggrid.errors import UserError
from seggrid.paths import DataFolder, ExperimentFolder, RunFolder, results_root
from seggrid.report import live, stage
from seggrid.report.live import LivePage
from seggrid.report.results import Results
from seggrid.report.sections import answer, curves, data_card, failures
from seggrid.report.stage import SECTIONS, write_report
from seggrid.scoring.stage import score
from seggrid.training.progress import append_row
from tests.unit.report.conftest import MakeResults
from tests.unit.report.grid import NAME

MISSING = dict.fromkeys(range(8), "missing")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the live page takes for the time."""
    now = [1000.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of a few sections, which are made at once."""
    monkeypatch.setattr(stage, "SECTIONS", (answer, curves, failures, data_card))


@pytest.fixture
def page(make_results: MakeResults, tmp_path: Path, clock: list[float]) -> LivePage:
    """A live page of a grid of which no run has ended."""
    make_results(MISSING, scored=False)
    return LivePage(NAME, tmp_path / "scratch")


def look(page: LivePage, clock: list[float]) -> bool:
    clock[0] += live.INTERVAL
    return page.look()


def text(page: LivePage) -> str:
    return gzip.decompress(page.snapshot.page).decode()


def hide(results: Results, *positions: int) -> None:
    """Make runs look as if they had not ended."""
    for position in positions:
        path = RunFolder(results.grid.runs[position].planned.run_id).status
        path.rename(path.with_suffix(".hidden"))


def end(results: Results, position: int) -> None:
    path = RunFolder(results.grid.runs[position].planned.run_id).status
    path.with_suffix(".hidden").rename(path)


def listing(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}


def test_there_is_a_page_before_the_first_run_ended(page: LivePage, clock: list[float]) -> None:
    assert page.reply("report") is None
    assert look(page, clock)
    assert "There is no answer yet: 0 of 8 runs are completed" in text(page)
    assert page.snapshot.progress == "0 of 8 runs completed"


def test_there_is_a_page_before_the_data_is_preprocessed(page: LivePage, clock: list[float]) -> None:
    (data,) = (results_root() / "data").glob("folder-*")
    for path in data.glob("*"):
        if path.name != "spec.json":
            path.unlink()
    assert look(page, clock)
    assert "is not preprocessed yet" in text(page)


def test_a_page_is_made_when_files_change_and_only_then(
    make_results: MakeResults, tmp_path: Path, clock: list[float]
) -> None:
    results = make_results(scored=False)
    hide(results, 6, 7)
    page = LivePage(NAME, tmp_path / "scratch")
    assert look(page, clock)
    first = page.snapshot
    assert "comes first of 3 ranked candidates (4 planned)" in text(page)
    assert not look(page, clock)
    end(results, 6)
    end(results, 7)
    assert look(page, clock)
    assert page.snapshot.version != first.version
    assert "comes first of 4 ranked candidates" in text(page)
    assert page.snapshot.progress == "8 of 8 runs completed"


def test_a_file_that_says_the_same_makes_no_new_version(page: LivePage, clock: list[float]) -> None:
    look(page, clock)
    version = page.snapshot.version
    os.utime(ExperimentFolder(NAME).plan)
    assert look(page, clock)
    assert page.snapshot.version == version


def test_curves_come_while_a_run_trains(page: LivePage, clock: list[float]) -> None:
    look(page, clock)
    assert "No run has trained an epoch yet" in text(page)
    run = live.read_plan(NAME)[2]
    folder = RunFolder(run.run_id)
    folder.checkpoints.mkdir()
    for epoch in (1, 2):
        append_row(folder.live_history, {"epoch": epoch, "loss": 1 / epoch, "val_dice": 0.5, "seconds": 1.0}, "cpu")
    with folder.live_history.open("a") as file:
        file.write("3,0.")  # its writer is about to write the rest
    assert look(page, clock)
    assert page.snapshot.progress == "0 of 8 runs completed, 1 training"
    figures = json.loads(re.findall(r'id="figures">(.*?)</script>', text(page))[0])
    (curve,) = figures["curves-loss"][0]["data"]
    assert (curve["x"], curve["y"]) == ([1, 2], [1, 0.5])
    assert figures.get("curves-terms", [None]) == [None]


def test_scores_are_made_again_only_when_runs_ended(
    page: LivePage, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    look(page, clock)
    monkeypatch.delattr(live, "score_grid")
    folder = RunFolder(live.read_plan(NAME)[0].run_id)
    folder.checkpoints.mkdir()
    append_row(folder.live_history, {"epoch": 1, "loss": 1.0, "seconds": 1.0}, "cpu")
    assert look(page, clock)
    assert page.snapshot.problem == ""


def test_the_whole_page_is_made_and_nothing_written_into_the_results(
    make_results: MakeResults, tmp_path: Path, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "SECTIONS", SECTIONS)
    make_results(scored=False)
    before = listing(results_root())
    page = LivePage(NAME, tmp_path / "scratch")
    assert look(page, clock)
    assert listing(results_root()) == before
    score(NAME)
    assert write_report(NAME).read_text(encoding="utf-8") == text(page)


@pytest.mark.parametrize("content", [b"", b"run_id,netw", b"\xff\xfe", b"[]"])
@pytest.mark.parametrize("name", ["status", "history", "card", "plan", "experiment"])
def test_a_damaged_file_keeps_the_last_page(
    complete: Results, tmp_path: Path, clock: list[float], name: str, content: bytes
) -> None:
    planned = complete.grid.runs[0].planned
    places = (RunFolder(planned.run_id), DataFolder(planned.data_id), ExperimentFolder(NAME))
    path: Path = next(getattr(place, name) for place in places if hasattr(place, name))
    page = LivePage(NAME, tmp_path / "scratch")
    look(page, clock)
    good, whole = page.snapshot, path.read_bytes()
    path.write_bytes(content)
    try:
        assert not look(page, clock)
        assert page.snapshot.problem
        assert (page.snapshot.version, page.snapshot.page) == (good.version, good.page)
    finally:
        path.write_bytes(whole)
    assert look(page, clock)
    assert page.snapshot == good


def test_half_an_evaluation_is_waited_for(make_results: MakeResults, tmp_path: Path, clock: list[float]) -> None:
    path = make_results(scored=False).grid.runs[0].cases
    page = LivePage(NAME, tmp_path / "scratch")
    look(page, clock)
    good, whole = page.snapshot, path.read_bytes()
    path.write_bytes(whole[:-7])
    assert not look(page, clock)
    assert f"{path}: damaged" in page.snapshot.problem
    assert page.snapshot.page == good.page
    path.write_bytes(whole)
    assert look(page, clock)
    assert page.snapshot == good


def test_a_damaged_file_is_told_in_a_sentence(page: LivePage, clock: list[float]) -> None:
    status = RunFolder(live.read_plan(NAME)[0].run_id).status
    status.write_text("{")
    assert not look(page, clock)
    state = page.reply("state")
    assert state and str(status) in json.loads(state.content)["problem"]
    assert page.reply("report") is None


def test_a_search_without_a_first_round_says_so(page: LivePage, clock: list[float]) -> None:
    plan = ExperimentFolder(NAME).plan
    plan.write_text(plan.read_text().splitlines(keepends=True)[0])
    assert not look(page, clock)
    assert "no run is planned" in page.snapshot.problem


def test_pages_take_a_part_of_the_time_only_and_none_unread(
    page: LivePage, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: object) -> str:
        clock[0] += 10
        return "page"

    monkeypatch.setattr(live, "render", slow)
    assert look(page, clock)
    os.utime(ExperimentFolder(NAME).plan)
    page.reply("state")
    for _ in range(int(40 / live.INTERVAL) - 1):
        assert not look(page, clock)
    assert look(page, clock)
    clock[0] += 3600
    os.utime(ExperimentFolder(NAME).plan)
    assert not look(page, clock)
    page.reply("state")
    assert look(page, clock)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_the_address_and_ends_on_an_interrupt(
    make_results: MakeResults, tmp_path: Path, number: signal.Signals
) -> None:
    make_results(MISSING, scored=False)
    (tmp_path / "temporary").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "seggrid.cli", "report", "--live", NAME], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
        # A shell lets its background jobs, such as these tests, ignore interrupts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert process.stdout
    line = process.stdout.readline()
    assert re.match(rf"{NAME}: http://127\.0\.0\.1:\d+/[\w-]{{16}}/ ", line)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert list((tmp_path / "temporary").iterdir()) == []


def test_the_command_asks_for_a_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path))
    with pytest.raises(UserError, match="run `seggrid plan nowhere` first"):
        live.serve("nowhere", 0)
