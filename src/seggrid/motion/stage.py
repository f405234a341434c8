"""The motion stage: measures of every knee that a run has segmented, beside those of the true masks."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from seggrid.config.data import PhantomData
from seggrid.config.motion import Motion
from seggrid.config.phantom import KneeSettings
from seggrid.data.sequences import places_of
from seggrid.data.store import Store
from seggrid.errors import UserError
from seggrid.inference.masks import members, read_mask
from seggrid.motion.knee import measure_knee
from seggrid.motion.known import Known, known_measures
from seggrid.motion.measures import Measure
from seggrid.paths import DataFolder, EvaluationFolder, RunFolder
from seggrid.records import digest, to_csv, write_if_changed
from seggrid.specification import PlannedRun, read_data

#: Raised when the numbers of a measure or the columns change, so that they are made anew.
VERSION = 2
COLUMNS = (
    "split", "group", "sequence", "case", "frame", "measure", "unit", "predicted", "status", "reference",
    "reference_status", "known", "projected",
)  # fmt: skip


@dataclass(frozen=True)
class _Truth:
    """What is known of a case without a prediction; ``frame`` is its number in its sequence."""

    sequence: str
    frame: int
    reference: list[Measure]
    known: Known | None


class _Sequences:
    """The cases of a data set, with the measures of their true masks, each made once."""

    def __init__(self, data_id: str, labels: dict[str, int]) -> None:
        self.store = Store.open(DataFolder(data_id))
        self.labels = labels
        self._data = read_data(data_id).data
        self._truths: dict[str, _Truth] = {}
        if any(len(case.original_shape) != 2 for case in self.store.cases):
            raise UserError("motion: the data set holds volumes; it is for radiographs, leave the section out")

    @cached_property
    def position(self) -> dict[str, int]:
        """Position of each case in the store."""
        return {entry.case: number for number, entry in enumerate(self.store.cases)}

    @cached_property
    def places(self) -> dict[str, tuple[str, int]]:
        """Sequence of each case, and its number there."""
        return places_of(self.store.cases)

    def truth(self, case: str) -> _Truth:
        """What is known of a case."""
        if case not in self._truths:
            number = self.position[case]
            mask, spacing = self.store.truth(number), self.spacing(case)
            reference = measure_knee(mask, self.labels, spacing)
            self._truths[case] = _Truth(*self.places[case], reference, self._known(case))
        return self._truths[case]

    def spacing(self, case: str) -> tuple[float, float] | None:
        """Of the mask's pixels, in mm."""
        spacing = self.store.cases[self.position[case]].spacing
        return (spacing[0], spacing[1]) if spacing else None

    def _known(self, case: str) -> Known | None:
        """What the knee phantom knows of its pose; ellipses have none."""
        settings = self._data.settings if isinstance(self._data, PhantomData) else None
        if not isinstance(settings, KneeSettings) or settings.style != "radiograph":
            return None
        subject, frame = map(int, case.removeprefix("s").split("_f"))
        return known_measures(settings, subject, frame)


@lru_cache(maxsize=2)
def _sequences(data_id: str, labels: tuple[tuple[str, int], ...]) -> _Sequences:
    return _Sequences(data_id, dict(labels))


def motion_file(run: PlannedRun, labels: dict[str, int]) -> Path:
    """Where the measures of a run lie."""
    return _folder(run).motion(digest([VERSION, labels]))


def measure_runs(runs: Sequence[PlannedRun], motion: Motion, class_names: Sequence[str], processes: int = 1) -> None:
    """Measure the knees that evaluated runs have segmented; what is measured already is kept.

    Writes ``motion-<digest>.csv`` into the folder of each run's evaluation: a row per case and measure.

    Args:
        class_names: of the objects 1 to K.
        processes: to use.

    Raises:
        UserError: an object is missing, the images are volumes, or masks are damaged.
    """
    labels = motion.labels(class_names)
    todo = [run for run in runs if _stale(run, labels)]
    if processes > 1 and len(todo) > 1:
        with ProcessPoolExecutor(min(processes, len(todo))) as pool:
            list(pool.map(_measure_run, todo, [labels] * len(todo)))
    else:
        for run in todo:
            _measure_run(run, labels)


def _folder(run: PlannedRun) -> EvaluationFolder:
    return RunFolder(run.run_id).evaluation(run.eval_id)


def _stale(run: PlannedRun, labels: dict[str, int]) -> bool:
    target, masks = motion_file(run, labels), _folder(run).predictions
    return not target.is_file() or (masks.is_file() and masks.stat().st_mtime > target.stat().st_mtime)


def _measure_run(run: PlannedRun, labels: dict[str, int]) -> None:
    sequences = _sequences(run.data_id, tuple(labels.items()))
    path = _folder(run).predictions
    try:
        with zipfile.ZipFile(path) as archive:
            rows = list(_rows(archive, sequences))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; delete cases.csv beside it and evaluate the run again") from None
    except (zipfile.BadZipFile, KeyError) as error:
        raise UserError(f"{path}: damaged ({error}); delete it and evaluate the run again") from error
    target = motion_file(run, labels)
    if not write_if_changed(target, to_csv(COLUMNS, rows)):
        target.touch()  # newer than the masks that it was made of


def _rows(archive: zipfile.ZipFile, sequences: _Sequences) -> Iterator[list[object]]:
    for split, name in members(archive):
        entry = sequences.store.cases[sequences.position[name]]
        truth = sequences.truth(name)
        predicted = measure_knee(read_mask(archive, f"{split}/{name}"), sequences.labels, sequences.spacing(name))
        for number, (found, reference) in enumerate(zip(predicted, truth.reference, strict=True)):
            known = truth.known
            values = map(number_text, (known.spatial[number], known.projected[number])) if known else ("", "")
            yield [
                split, entry.group, truth.sequence, name, truth.frame, found.name, found.unit, number_text(found),
                found.status, number_text(reference), reference.status, *values,
            ]  # fmt: skip


def number_text(measure: Measure) -> str:
    """A value with 8 significant digits; nothing where there is none."""
    return f"{measure.value:.8g}" if measure.status == "ok" else ""
