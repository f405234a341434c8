"""From predicted masks to the errors beside the ranking."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from seggrid import cli
from seggrid.config import Experiment, parse_experiment
from seggrid.data.sequences import natural
from seggrid.data.store import Store
from seggrid.errors import UserError
from seggrid.inference.masks import write_mask
from seggrid.motion import MEASURES
from seggrid.paths import DataFolder, ExperimentFolder, RunFolder, results_root
from seggrid.plan import Plan, make_plan
from seggrid.report.drawings import write_drawings
from seggrid.report.numbers import signed
from seggrid.report.page import render
from seggrid.report.results import read_results
from seggrid.report.sections import motion, ranking
from seggrid.scoring.grid import read_grid
from seggrid.scoring.motion import beside, error_table, motion_rows
from seggrid.scoring.ranking import Ranking
from seggrid.specification import PlannedRun
from seggrid.verification import _verify_scores
from tests.conftest import REPOSITORY
from tests.unit.report.grid import fill

KNEE = {
    "subjects": 6, "frames": 2, "size": 128, "field_of_view": [240, 300], "out_of_plane_rotation": 0, "other_leg": 0,
    "collimation": 0, "markers": 0, "photons": [50_000, 60_000],
}  # fmt: skip
EXPERIMENT = {
    "name": "knees", "data": {"source": "phantom", "knee": KNEE}, "preprocessing": ["z_score"],
    "splits": {"folds": 2}, "networks": ["UNet_R18"], "mixtures": ["ce", "dice"], "scoring": {"bootstrap": 100},
    "evaluation": {"metrics": ["iou", "dice", "precision", "recall", "hd95", "assd"]}, "motion": {},
}  # fmt: skip


def spoiled(mask: npt.NDArray[np.uint8], frame: int) -> npt.NDArray[np.uint8]:
    """The first frame loses its patella, the other one half of its tendon."""
    mask = mask.copy()
    if frame == 0:
        mask[mask == 1] = 0
    else:
        tendon, patella = np.argwhere(mask == 4), np.argwhere(mask == 1).mean(axis=0)
        far = np.linalg.norm(tendon - patella, axis=1)
        mask[tuple(tendon[far > np.median(far)].T)] = 0
    return mask


def predict(run: PlannedRun, store: Store) -> None:
    """``ce`` spoils what ``dice`` finds exactly."""
    fold = store.fold(int(run.fold))
    with zipfile.ZipFile(RunFolder(run.run_id).evaluation(run.eval_id).predictions, "w") as archive:
        for split, cases in (("val", fold.val), ("test", fold.test)):
            for case in cases:
                truth, name = store.truth(case), store.cases[case].case
                write_mask(archive, f"{split}/{name}", spoiled(truth, int(name[-2:])) if run.loss == "ce" else truth)


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plan]:
    """A grid of made-up masks of phantom knees, scored; tests must not change its files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGGRID_RESULTS", str(tmp_path_factory.mktemp("motion") / "results"))
        plan = fill(Experiment.model_validate(EXPERIMENT))
        for run in plan.runs:
            predict(run, Store.open(DataFolder(run.data_id)))
        assert cli.main(["motion", "knees"]) == 0
        assert cli.main(["score", "knees"]) == 0
        yield plan


def errors() -> pd.DataFrame:
    table = pd.read_csv(ExperimentFolder("knees").motion_errors)
    return table.set_index(["loss", "measure"])


def test_masks_that_are_true_have_no_error(scored: Plan) -> None:
    exact = errors().loc["dice"]
    assert (exact["mae"] == 0).all()
    assert (exact["missed"] == 0).all()
    assert exact["frames"].max() == 12


def test_a_missed_patella_is_counted_and_a_short_tendon_measured(scored: Plan) -> None:
    spoilt = errors().loc["ce"]
    assert spoilt.loc["patella_length", "missed"] == 6
    assert spoilt.loc["patella_length", "frames"] == 12
    assert spoilt.loc["patella_length", "mae"] == 0
    assert spoilt.loc["tendon_length", "bias"] < -8
    assert spoilt.loc["tendon_length", "mae"] == -spoilt.loc["tendon_length", "bias"]
    against = errors().loc["dice"].loc["tendon_length"]
    assert against["difference"] == -spoilt.loc["tendon_length", "mae"], "dice is better than the baseline, ce"
    assert (against["missed"], spoilt.loc["tendon_length", "missed"], against["compared"]) == (0, 7, 5)
    assert np.isnan([spoilt.loc["tendon_length", "low"], against["difference_low"]]).all(), "of 5 sequences"
    assert against["low"] == against["high"] == 0, "of 6 sequences"


def test_the_pose_is_known_and_near(scored: Plan) -> None:
    exact = errors().loc["dice"]
    assert 0 < exact.loc["flexion", "known_mae"] < 4
    assert 0 < exact.loc["patella_length", "known_mae"] < 2


def test_the_ranking_holds_the_errors_and_is_ordered_as_without(scored: Plan) -> None:
    with_motion = pd.read_csv(ExperimentFolder("knees").ranking)
    assert with_motion.set_index("loss").loc["ce", "patella_length_missed"] == 6
    ends = ("mae", "mae_low", "mae_high", "measured", "missed", "difference", "difference_low", "compared")
    assert {f"flexion_{end}" for end in ends} <= set(with_motion.columns)
    spoilt, exact = (with_motion.set_index("loss").loc[loss] for loss in ("ce", "dice"))
    assert (spoilt["patella_length_measured"], exact["patella_length_measured"]) == (6, 12)
    assert exact["tendon_length_difference"] == -spoilt["tendon_length_mae"]
    assert exact["tendon_length_compared"] == 5


def test_frames_are_in_the_order_of_their_names(scored: Plan) -> None:
    rows = pd.read_csv(ExperimentFolder("knees").motion)
    assert (rows["frame"] == rows["case"].str[-2:].astype(int) + 1).all()
    assert sorted(["f10", "f2", "f1"], key=natural) == ["f1", "f2", "f10"]


def test_scoring_again_gives_the_same_bytes_and_measures_nothing_again(scored: Plan) -> None:
    folder = ExperimentFolder("knees")
    kept = sorted(folder.folder.parent.parent.glob("runs/*/eval-*/motion-*.csv"))
    assert len(kept) == 4
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in (*kept, folder.motion)]
    assert cli.main(["score", "knees"]) == 0
    assert before == [(path.read_bytes(), path.stat().st_mtime_ns) for path in (*kept, folder.motion)]


def test_verify_measures_again_and_writes_nothing_beside_the_runs(
    scored: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(results_root(), tmp_path / "results")
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path / "results"))
    for path in results_root().glob("runs/*/eval-*/motion-*.csv"):
        path.write_text("as an older version wrote it\n")
    before = {path: path.stat().st_mtime_ns for path in results_root().rglob("*")}
    assert _verify_scores("knees", tmp_path / "again")
    assert {path: path.stat().st_mtime_ns for path in results_root().rglob("*")} == before
    ExperimentFolder("knees").motion_errors.write_text("another\n")
    capsys.readouterr()
    assert not _verify_scores("knees", tmp_path / "third")
    told = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert told.pop("motion_errors.csv") == "DIFFERS: run `seggrid score` again"
    assert set(told.values()) == {"same bytes"}


def test_the_report_draws_sequences_and_says_what_was_missed(scored: Plan) -> None:
    results = read_results("knees")
    section = motion.build(results)
    assert section is not None
    assert {figure.name for figure in section.figures} == {f"motion-{name}" for name in MEASURES}
    (flexion,) = (figure for figure in section.figures if figure.name == "motion-flexion")
    assert len(flexion.variants) == 6, "a variant per sequence"
    assert {trace["name"] for trace in flexion.variants[0]["data"]} >= {"true mask", "known pose"}
    page = render(results, [ranking.build(results), section])
    assert '<span class="second">6 of 12 frames</span>' in page
    first = page.partition('id="ranking-table"')[2].partition("</table>")[0]
    difference = signed(results.ranking.set_index("loss").loc["dice", "tendon_length_difference"], 2)
    assert f'<span class="second">{difference} to the baseline on 5 frames</span>' in first
    assert first.count("to the baseline on") == len(MEASURES), "the baseline has no difference from itself"
    assert '<span class="second">6 frames</span>' in page, "on which patella lengths are compared with the baseline"
    assert "Caton-Deschamps error" in page
    (table,) = section.tables
    assert table.best(next(column for column in table.columns if column.key == "mae"))


def test_the_drawings_of_the_manuscript(scored: Plan, tmp_path: Path) -> None:
    section = motion.build(read_results("knees"))
    assert section is not None
    write_drawings([drawing for figure in section.figures for drawing in figure.drawings], tmp_path)
    assert {path.name for path in tmp_path.glob("*.svg")} == {"motion-sequence.svg", "motion-errors.svg"}


def test_without_the_section_the_report_has_none(scored: Plan) -> None:
    results = read_results("knees")
    without = results.grid.experiment.model_copy(update={"motion": None})
    assert motion.build(replace(results, grid=replace(results.grid, experiment=without))) is None


def test_the_columns_of_the_reference_are_those_of_the_files(scored: Plan) -> None:
    page = (REPOSITORY / "docs/reference/files.md").read_text()
    for path in (ExperimentFolder("knees").motion, ExperimentFolder("knees").motion_errors):
        section = page.partition(f"## {path.name}\n")[2].partition("\n## ")[0]
        listed = [cell for line in section.splitlines() if line.startswith("| `") for cell in line.split("`")[1::2]]
        assert set(pd.read_csv(path, nrows=0).columns) <= set(listed), path.name


def test_where_nothing_can_be_measured_there_are_no_errors(scored: Plan, tmp_path: Path) -> None:
    grid = read_grid("knees")
    rows = motion_rows(grid, ExperimentFolder("knees", tmp_path)).assign(reference_status="femur_absent")
    errors = error_table(grid, rows, Ranking(pd.DataFrame(), pd.DataFrame(), 0, 0))
    assert errors.empty
    assert beside(errors)["flexion_mae"].empty


def test_motion_changes_no_identity() -> None:
    with_motion, without = (
        make_plan(Experiment.model_validate({**EXPERIMENT, "motion": motion}), []) for motion in ({}, None)
    )
    assert [vars(run) for run in with_motion.runs] == [vars(run) for run in without.runs]


def test_names_of_parts_are_checked() -> None:
    wrong = Experiment.model_validate({**EXPERIMENT, "motion": {"patella": "patela"}})
    with pytest.raises(UserError, match=r"motion.patella: patela is not one of the objects .*did you mean patella"):
        make_plan(wrong, [])
    with pytest.raises(UserError, match="motion: femur plays two parts"):
        parse_experiment({**EXPERIMENT, "motion": {"patella": "femur"}}, "page")


def test_an_experiment_without_the_section(results_without: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_plan(Experiment.model_validate({**EXPERIMENT, "motion": None}), []).write()
    assert cli.main(["motion", "knees"]) == 2
    assert "has no section motion" in capsys.readouterr().err
    assert cli.main(["motion"]) == 2
    assert "give an experiment, or --masks" in capsys.readouterr().err


@pytest.fixture
def results_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEGGRID_RESULTS", str(tmp_path))
    return tmp_path
