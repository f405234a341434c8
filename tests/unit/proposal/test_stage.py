"""`seggrid init`, from a folder to a file that plans."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from seggrid import cli
from seggrid.config import load_experiment
from seggrid.proposal import stage
from seggrid.proposal.probe import Probe, Timing
from seggrid.proposal.stage import duration, experiment_name
from tests.unit.data.sources.dicom_files import IDENTIFIERS
from tests.unit.proposal.conftest import CASES, LAYOUTS, mask_of, save, write_coco, write_folder, write_scans

Capture = pytest.CaptureFixture[str]
FILE = Path("config/experiments/bones.yaml")


def init(*arguments: object) -> int:
    return cli.main(["init", "--no-probe", *map(str, arguments)])


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_is_proposed_plans_as_it_is(name: str, place: Path, capsys: Capture) -> None:
    LAYOUTS[name](place / "bones")
    assert init("bones") == 0
    assert "snakemake -c" in capsys.readouterr().out
    assert cli.main(["plan", "bones"]) == 0
    assert capsys.readouterr().out.startswith("bones: 6 runs on ")


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_is_proposed_can_be_preprocessed(name: str, place: Path, capsys: Capture) -> None:
    LAYOUTS[name](place / "bones")
    init("bones")
    cli.main(["plan", "bones"])
    (data,) = (place / "results" / "data").glob("*/")
    assert cli.main(["preprocess", data.name]) == 0
    assert (data / "index.csv").read_text().count("[64, 64]") == CASES


@pytest.mark.parametrize("number", [1, 2])
def test_the_other_grids_stand_in_comments_and_plan_too(number: int, folder: Path, capsys: Capture) -> None:
    init(folder)
    head, *grids = re.split(r"(?m)^(?=# ---- )", FILE.read_text())
    title, *lines = grids[number].splitlines()
    start = next(at for at, line in enumerate(lines) if line.endswith("away:"))
    FILE.write_text(head + "\n".join(line.removeprefix("# ") for line in lines[start + 1 :]))
    assert cli.main(["plan", "bones"]) == 0
    runs = re.search(r"(\d+) runs", title)
    assert runs
    assert capsys.readouterr().out.splitlines()[-1].startswith(f"bones: {runs[1]} runs on")


def test_a_data_set_with_faults_leads_to_an_experiment_without_them(folder: Path, capsys: Capture) -> None:
    save(folder / "masks" / "c0.png", mask_of(0)[:30])
    (folder / "masks" / "c1.png").unlink()
    (folder / "images" / "c2.png").write_bytes((folder / "images" / "c3.png").read_bytes())
    init(folder)
    out = capsys.readouterr().out
    for reason in ("c0.png: the mask is 30 x 48", "c1: its image, mask", "c3: the same image as c2"):
        assert reason in out
    assert sorted(yaml.safe_load(FILE.read_text())["data"]["exclude"]) == ["c0", "c1", "c3"]
    cli.main(["plan", "bones"])
    (data,) = Path("results/data").glob("*/")
    assert cli.main(["preprocess", data.name]) == 0


def test_a_file_is_written_over_only_when_told(folder: Path, capsys: Capture) -> None:
    assert init(folder) == 0
    first = FILE.read_bytes()
    FILE.write_text("mine")
    assert init(folder) == 2
    assert "is there already; give another file with --out, or --force" in capsys.readouterr().err
    assert FILE.read_text() == "mine"
    assert init(folder, "--force") == 0
    assert FILE.read_bytes() == first  # same inputs, same bytes
    assert init(folder, "--out", "other/place.yaml") == 0
    assert "experiment=other/place.yaml" in capsys.readouterr().out
    assert init(folder, "--out", "other/place.txt") == 2


def test_names_that_break_out_of_yaml_and_terminals_do_not(place: Path, capsys: Capture) -> None:
    root = write_coco(place / "bones")
    names = {"screw": 'a: [1]\\n- \\"x\\u001b[31m', "bone": "yes"}
    text = (root / "coco.json").read_text()
    for name, hostile in names.items():
        text = text.replace(f'"{name}"', f'"{hostile}"')
    (root / "coco.json").write_text(text)
    assert init("bones") == 0
    assert list(load_experiment(FILE).data.classes) == ['a: [1]\n- "x\x1b[31m', "yes"]
    assert "\x1b" not in capsys.readouterr().out


def test_a_case_s_name_may_be_odd(place: Path) -> None:
    root = write_folder(place / "bones")
    (root / "masks" / "c0.png").unlink()
    (root / "images" / "c0.png").rename(root / "images" / "- a: #1\n[b].png")
    assert init("bones") == 0
    assert load_experiment(FILE).data.exclude == ("- a: #1\n[b]",)


def test_nothing_of_a_dicom_patient_is_written_down(place: Path, capsys: Capture) -> None:
    root = write_scans(place / "bones")
    (root / "masks" / "Doe0.png").unlink()
    save(root / "masks" / "Doe1.png", mask_of(1)[:30])
    assert init("bones") == 0
    told = capsys.readouterr().out + FILE.read_text()
    assert "dcm-" in told
    assert not [word for word in IDENTIFIERS if word in told]


def test_estimates_of_the_probe_stand_in_file_and_answer(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def measured(_: object, networks: list[str], *__: object) -> Probe:
        return Probe("cpu", 2, 0.1, {name: Timing(2, 0.5, 0.1, 0.1) for name in networks[:4]}, {networks[4]: "no\nway"})

    monkeypatch.setattr(stage, "measure", measured)
    assert cli.main(["init", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "UNet++_R18 could not be trained here, take it out of the grid: no way" in out
    assert "small grid of 6 runs, about 7.8 min on 2 cores, an estimate" in out
    text = FILE.read_text()
    assert "small grid: 6 runs, about 7.8 min on 2 cores, an estimate" in text
    assert "full grid: 765 runs, time unknown: a network could not be timed" in text


def test_data_that_must_be_mended_are_not_timed(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    (folder / "images" / "notes.txt").touch()
    monkeypatch.setattr(stage, "measure", lambda *_: pytest.fail("timed"))
    assert cli.main(["init", str(folder)]) == 0
    assert "to be mended before anything can run" in capsys.readouterr().out
    assert "time not measured" in FILE.read_text()


@pytest.mark.parametrize(
    ("folder_name", "name"),
    [("knees", "knees"), ("my knees (1)", "my_knees_1_"), (".hidden", "hidden"), ("膝", "mine")],
)
def test_the_experiment_is_called_after_the_folder(folder_name: str, name: str) -> None:
    assert experiment_name(Path("/data") / folder_name) == name


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (40, "40 s"), (89, "89 s"), (90, "1.5 min"), (700, "12 min"), (5300, "88 min"), (7200, "2 h"),
     (100 * 3600, "4.2 days"), (200 * 86400, "200 days")],
)  # fmt: skip
def test_a_time_has_two_digits(seconds: float, text: str) -> None:
    assert duration(seconds) == text
