"""From raw files to ``results/data/<data_id>``: every case is read once, checked, preprocessed and stored."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from seggrid.config.data import Data, PhantomData
from seggrid.config.preprocessing import Step
from seggrid.data import checks
from seggrid.data.buffers import flat_writer
from seggrid.data.card import PERCENTILES, Summary, image_digest, make_card
from seggrid.data.completion import make_alone, write_index
from seggrid.data.index import CaseEntry, index_text
from seggrid.data.piecewise import count_labels, flat, percentiles, pieces
from seggrid.data.preprocessing.geometry import Place
from seggrid.data.preprocessing.intensity import FlatError
from seggrid.data.preprocessing.pipeline import Pipeline
from seggrid.data.sources import Case, Listing, Source, open_source
from seggrid.data.splits import make_splits, require_groups
from seggrid.errors import UserError
from seggrid.manifest import manifest_hash
from seggrid.metrics import label_surfaces
from seggrid.paths import DataFolder, manifest_cache
from seggrid.records import ABANDONED_SECONDS, sweep_parts, write_json
from seggrid.specification import DataSpec

#: The display image is cut at these percentiles of its intensities.
_DISPLAY = (PERCENTILES[0], PERCENTILES[-1])
#: Cases under way per process: enough to keep all busy, few enough that memory does not grow with the data set.
_AHEAD = 3


@dataclass(frozen=True)
class _Prepared:
    """A case ready to be stored."""

    case: Case
    image: npt.NDArray[np.float32]
    labels: npt.NDArray[np.uint8]
    truth: npt.NDArray[np.uint8]
    original: npt.NDArray[np.uint8]
    borders: tuple[npt.NDArray[np.intp], ...]
    spacing: tuple[float, ...] | None
    geometry: tuple[dict[str, Any], ...]
    summary: Summary
    affine: tuple[tuple[float, ...], ...] | None


@dataclass(frozen=True)
class _Refused:
    """What is wrong with a case."""

    problems: tuple[str, ...]


@dataclass(frozen=True)
class _LeftOut:
    """A part of a volume that is no case; see ``checks.is_left_out``, or has one value after a step."""


_Result = _Prepared | _Refused | _LeftOut


class _Preparer:
    """Reads, checks and preprocesses a case; it is sent to the worker processes."""

    def __init__(self, data: Data, source: Source, steps: Sequence[Step]) -> None:
        self._source = source
        self.source_module = type(source).__module__
        self._pipeline = Pipeline(steps)
        self._allow_empty = not isinstance(data, PhantomData) and data.allow_empty
        self._classes = len(source.class_names) + 1

    def __call__(self, case: Case) -> _Result:
        try:
            raw = self._source.load(case)
        except UserError as error:
            return _Refused(error.problems)
        if checks.is_left_out(raw, self._allow_empty):
            return _LeftOut()
        problems = tuple(checks.check_case(raw, self._allow_empty))
        if problems:
            return _Refused(problems)
        try:
            image, labels, geometry = self._pipeline(raw.image, raw.labels, Place(raw.spacing, raw.part))
        except FlatError as error:
            # A window may make one value of what is nothing but air.
            empty = raw.part and not raw.labels.any()
            return _LeftOut() if empty else _Refused((f"{case.case}: {error}",))
        except UserError as error:
            return _Refused((f"{case.case}: {error}",))
        intensities = np.percentile(raw.image, PERCENTILES)
        areas = count_labels(raw.labels, self._classes)
        summary = Summary(image_digest(raw.image), len(raw.image), areas, tuple(intensities.tolist()))
        surfaces = label_surfaces(raw.labels, range(1, self._classes)).surfaces
        return _Prepared(
            case=case,
            image=image,
            labels=labels,
            truth=raw.labels,
            original=_display(raw.image),
            borders=tuple(surface.flat for surface in surfaces.values()),
            spacing=raw.spacing,
            geometry=tuple(geometry),
            summary=summary,
            affine=tuple(map(tuple, raw.grid.affine.tolist())) if raw.grid else None,
        )


def _display(image: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    grey = image[0] if len(image) == 1 else image.mean(axis=0, dtype=np.float64)
    low, high = percentiles(grey, _DISPLAY)
    span = max(high - low, np.finfo(np.float64).tiny)
    line = flat(grey)
    shown = np.empty(line.size, np.uint8)
    for piece in pieces(line.size):
        with np.errstate(over="ignore"):  # where most of it has one value
            scaled = np.clip((line[piece].astype(np.float64) - low) / span, 0, 1)
        shown[piece] = np.rint(255 * scaled)
    return shown.reshape(grey.shape)


_prepare: _Preparer


def _start_worker(preparer: _Preparer) -> None:
    global _prepare
    _prepare = preparer
    cv2.setNumThreads(1)
    threading.Thread(target=_end_with_main_process, daemon=True).start()


def _end_with_main_process() -> None:
    """End this worker when the main process ends, also by a kill; the forkserver ends by itself."""
    main = multiprocessing.parent_process()
    if main is not None:
        main.join()
        os._exit(1)


def _work(case: Case) -> _Result:
    return _prepare(case)


def _prepare_all(preparer: _Preparer, cases: Sequence[Case], processes: int) -> Iterator[_Result]:
    """Yield the prepared cases in order, with few of them in memory at a time."""
    if processes <= 1 or len(cases) <= 1:
        yield from map(preparer, cases)
        return
    # Not forked from this process: a fork of one that runs OpenMP threads may hang. The modules are imported once.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, preparer.source_module])
    pool = ProcessPoolExecutor(min(processes, len(cases)), context, _start_worker, (preparer,))
    pending: deque[Future[_Result]] = deque()
    try:
        for case in cases:
            pending.append(pool.submit(_work, case))
            if len(pending) > _AHEAD * processes:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    except BrokenProcessPool as error:
        raise UserError("preprocessing: a worker process died, likely of memory; use fewer processes") from error
    finally:
        pool.shutdown(cancel_futures=True)


class _Recorder:
    """Appends the pixels of each case to the files and keeps what is known of it."""

    def __init__(self, folder: DataFolder, classes: int, stack: contextlib.ExitStack) -> None:
        self._classes = classes
        self._images = stack.enter_context(flat_writer(folder.images, np.float32))
        self._labels = stack.enter_context(flat_writer(folder.labels, np.uint8))
        self._truths = stack.enter_context(flat_writer(folder.truths, np.uint8))
        self._originals = stack.enter_context(flat_writer(folder.originals, np.uint8))
        self._borders = stack.enter_context(flat_writer(folder.borders, np.int64))
        self.entries: list[CaseEntry] = []
        self.summaries: dict[str, Summary] = {}
        self.groups: dict[str, str] = {}
        self.left_out = 0

    def add(self, case: _Prepared) -> None:
        """Store one case."""
        self._originals.append(case.original)
        entry = CaseEntry(
            case=case.case.case,
            group=case.case.patient or case.case.group,
            channels=len(case.image),
            shape=case.labels.shape,
            original_shape=case.truth.shape,
            spacing=case.spacing,
            image_offset=self._images.append(case.image),
            label_offset=self._labels.append(case.labels),
            original_offset=self._truths.append(case.truth),
            border_offset=self._borders.append(np.concatenate(case.borders)),
            geometry=case.geometry,
            pixels=count_labels(case.labels, self._classes),
            borders=tuple(map(len, case.borders)),
            sequence=case.case.sequence,
            frame=case.case.frame,
            affine=case.affine,
        )
        self.entries.append(entry)
        self.groups[entry.case] = case.case.group
        self.summaries[entry.case] = case.summary

    def problems(self) -> list[str]:
        """What is wrong between the cases."""
        kinds = [
            (entry.case, len(entry.original_shape), self.summaries[entry.case].channels, entry.spacing is not None)
            for entry in self.entries
        ]
        digests = ((case, summary.digest) for case, summary in self.summaries.items())
        return [*checks.check_duplicates(digests), *checks.check_uniform(kinds).values()]


def preprocess(spec: DataSpec, folder: DataFolder, processes: int) -> None:
    """Read, check, preprocess and store a data set, and split it into folds.

    Memory does not grow with the number of cases; ``index.csv`` is written last. When a case is bad nothing is
    written, and what was there before stays, for others may be reading it. One process at a time makes a data set; who
    has waited for it does not make it again, nor who finds it complete but for what Snakemake deletes.

    Args:
        processes: worker processes; 1 works in this one. The result is the same.

    Raises:
        UserError: every bad case, a line each, or too few groups for the folds, or the files are not those that the
            data set was planned from.
    """
    make_alone(folder, lambda: _refuse_changed(spec), lambda: _preprocess(spec, folder, processes))


def _preprocess(spec: DataSpec, folder: DataFolder, processes: int) -> None:
    _refuse_changed(spec)
    sweep_parts(folder.folder, ABANDONED_SECONDS)
    source, splits = open_source(spec.data), spec.splits
    listing = source.list_cases()
    groups = {case.case: case.group for case in listing.cases}
    if not groups:
        checks.refuse([*listing.problems, "the data set has no case with image and mask"])
    if not listing.problems:
        require_groups(groups, splits)
    with contextlib.ExitStack() as stack:
        recorder = _Recorder(folder, len(source.class_names) + 1, stack)
        _record(recorder, _Preparer(spec.data, source, spec.preprocessing), listing, processes)
        checks.refuse(checks.check_classes(source.class_names, (s.present for s in recorder.summaries.values())))
        _refuse_changed(spec)  # while they were read
    folds = make_splits(
        recorder.groups, splits, {case: summary.present for case, summary in recorder.summaries.items()}
    )
    write_json(folder.splits, {"folds": folds})
    card = make_card(source.class_names, recorder.entries, recorder.summaries)
    write_json(folder.card, card | {"groups": len(set(recorder.groups.values())), "left_out": recorder.left_out})
    write_index(folder, index_text(recorder.entries))


def _refuse_changed(spec: DataSpec) -> None:
    if manifest_hash(spec.data, manifest_cache()) != spec.identity["manifest"]:
        what = f"the files in {spec.data.path}" if spec.data.path else "the phantom"
        raise UserError(
            f"{spec.data_id}: {what} changed since it was planned; run `seggrid plan`, or the same snakemake command, "
            "again"
        )


def _record(recorder: _Recorder, preparer: _Preparer, listing: Listing, processes: int) -> None:
    problems = list(listing.problems)
    for prepared in _prepare_all(preparer, listing.cases, processes):
        if isinstance(prepared, _Refused):
            problems += prepared.problems
        elif isinstance(prepared, _LeftOut):
            recorder.left_out += 1
        else:
            recorder.add(prepared)
    if not problems and not recorder.entries:
        problems.append(f"none of the {recorder.left_out} parts of the volumes shows an object")
    # What is wrong with a volume is wrong with each of its parts.
    checks.refuse([*dict.fromkeys(problems), *recorder.problems()])
