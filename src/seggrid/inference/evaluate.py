"""The evaluate stage: masks of the held-out cases, and a row per case and class.

Where the evaluation asks for post-processing, the validation cases are predicted first and choose it; the test cases
are predicted afterwards.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from seggrid.config.postprocessing import Chain
from seggrid.data.store import Store
from seggrid.errors import UserError
from seggrid.inference.choice import Choice, ChoiceOnValidation
from seggrid.inference.device import choose_device, use_deterministic_kernels
from seggrid.inference.ensemble import load_predictors
from seggrid.inference.gpu_lease import leased
from seggrid.inference.masks import write_mask, write_member
from seggrid.inference.members import networks_of
from seggrid.inference.postprocessing import NO_SPACING, needs_spacing, postprocess
from seggrid.inference.predict import predict_case
from seggrid.metrics import measure
from seggrid.paths import DataFolder, EvaluationFolder, RunFolder
from seggrid.records import (
    ABANDONED_SECONDS,
    CASE_KEYS,
    atomic,
    digest,
    read_status,
    sweep_parts,
    write_json,
    write_text,
)
from seggrid.specification import (
    EnsembleSpec,
    EvaluationSpec,
    RunSpec,
    is_ensemble,
    read_any_run,
    read_evaluation,
)

#: What was measured, with the digest of the weights; lies among the masks of ``predictions.zip``.
_MEASURED = "measured.json"


def evaluate(run_id: str, eval_id: str, device: str | None = None) -> Path:
    """Measure a run on its validation and test cases; write ``predictions.zip`` and ``cases.csv``.

    With post-processing also ``cases_before.csv``, what the masks of the network itself measure, and
    ``postprocessing.json``, what was chosen.

    What was measured with the same weights is not measured again: Snakemake deletes ``cases.csv`` of every run of an
    allocation that it submits again, also of those that were done. A failed run gets a ``cases.csv`` without rows, on
    whatever device.

    Args:
        device: replaces the device of the run's training.

    Raises:
        UserError: the run, its data or its evaluation's specification is missing, the device is not here, or
            post-processing in mm is asked for where a case has no spacing.
    """
    spec = read_any_run(run_id)
    folder = RunFolder(run_id).evaluation(eval_id)
    measured = read_evaluation(eval_id)
    status = read_status(RunFolder(run_id))
    if status is None:
        verb = "ensemble" if is_ensemble(run_id) else "train"
        raise UserError(f"{RunFolder(run_id).status}: no such file; run `seggrid {verb} {run_id}` first")
    sweep_parts(folder.folder, ABANDONED_SECONDS)
    if status.state == "failed":
        with atomic(folder.predictions) as temporary:
            zipfile.ZipFile(temporary, "w").close()
        write_text(folder.cases, _table([], measured))
        return folder.cases
    weights = _weights_digest(spec)
    found = _kept(folder.predictions, weights)
    if found is None:
        with atomic(folder.predictions) as temporary, zipfile.ZipFile(temporary, "w") as archive:
            with leased(choose_device(device or spec.training.device)) as chosen:
                found = _measure_cases(spec, measured, chosen, archive)
            write_member(archive, _MEASURED, json.dumps({"weights": weights, **found}).encode())
    _write_tables(folder, found)
    return folder.cases


def _weights_digest(spec: RunSpec | EnsembleSpec) -> str:
    """Stands for the weights of the networks, and of an ensemble's members."""
    networks, weights = networks_of([spec])
    for member, path in networks:
        if not path.is_file():
            raise UserError(f"{path}: no such file; run `seggrid train {member.run_id}` first")
    contents = [hashlib.sha256(path.read_bytes()).hexdigest() for _, path in networks]
    return contents[0] if isinstance(spec, RunSpec) else digest([contents, weights])


def _write_tables(folder: EvaluationFolder, found: dict[str, Any]) -> None:
    """Write what was measured; ``cases.csv`` last, for Snakemake takes it as proof that all is written."""
    if "choice" in found:
        write_text(folder.unprocessed, found["before"])
        write_json(folder.choice, found["choice"])
    write_text(folder.cases, found["cases"])


def _table(rows: list[dict[str, object]], measured: EvaluationSpec) -> str:
    table = pd.DataFrame(rows, columns=[*CASE_KEYS, *measured.evaluation.metrics, "unit"])
    return table.to_csv(index=False, lineterminator="\n", float_format="%.10g")


def _kept(predictions: Path, weights: str) -> dict[str, Any] | None:
    """The tables of an evaluation of the same weights that came to its end."""
    try:
        with zipfile.ZipFile(predictions) as archive:
            found: dict[str, Any] = json.loads(archive.read(_MEASURED))
    except (FileNotFoundError, KeyError, zipfile.BadZipFile, zlib.error, ValueError):
        return None
    return found if found.pop("weights") == weights else None


def _measure_cases(
    spec: RunSpec | EnsembleSpec, measured: EvaluationSpec, device: torch.device, archive: zipfile.ZipFile
) -> dict[str, Any]:
    """Predict and measure val, then test; return the text of ``cases`` and, with a choice, of ``before``."""
    store = Store.open(DataFolder(spec.data_id))
    use_deterministic_kernels(spec.training.deterministic, spec.training.threads)
    predictors = load_predictors(*networks_of([spec]), store.in_channels, len(store.class_names) + 1, device)
    fold = store.fold(spec.fold)
    options = measured.evaluation.postprocessing
    _check_spacing(options, store)
    choice: Choice | None = None
    rows: list[dict[str, object]] = []
    before: list[dict[str, object]] = []
    for split, cases in (("val", fold.val), ("test", fold.test)):
        masks: Iterable[npt.NDArray[np.uint8]] = (predict_case(predictors, store, case) for case in cases)
        if options and choice is None:
            choice, masks = _choose(options, measured.class_names, store, cases, masks)
        for case, mask in zip(cases, masks, strict=True):
            entry = store.cases[case]
            found = own = _rows(spec, measured, store, split, case, mask)
            if choice is not None:
                processed = postprocess(mask, choice.chains, entry.spacing)
                if not np.array_equal(processed, mask):
                    found = _rows(spec, measured, store, split, case, processed)
                mask = processed
            write_mask(archive, f"{split}/{entry.case}", mask, entry.grid)
            rows += found
            before += own
    text = {"cases": _table(rows, measured)}
    if choice is None:
        return text
    return {**text, "before": _table(before, measured), "choice": choice.model_dump(mode="json")}


def _check_spacing(options: Sequence[Chain], store: Store) -> None:
    for entry in store.cases if needs_spacing(options) else ():
        if entry.spacing is None:
            raise UserError(f"{entry.case}: {NO_SPACING}")


def _choose(
    options: Sequence[Chain],
    class_names: Sequence[str],
    store: Store,
    cases: Sequence[int],
    masks: Iterable[npt.NDArray[np.uint8]],
) -> tuple[Choice, Iterator[npt.NDArray[np.uint8]]]:
    """Choose the post-processing by the masks of the validation cases; return them too, to be changed by it.

    They wait compressed: unpacked, those of a set of volumes may not fit into memory.
    """
    gathered, waiting = ChoiceOnValidation(options, class_names), []
    for case, mask in zip(cases, masks, strict=True):
        gathered.add(mask, store.truth(case), store.cases[case].spacing)
        waiting.append((zlib.compress(mask.tobytes(), 1), mask.shape))
    return gathered.choose(), (
        np.frombuffer(zlib.decompress(packed), np.uint8).reshape(shape) for packed, shape in waiting
    )


def _rows(
    spec: RunSpec | EnsembleSpec,
    measured: EvaluationSpec,
    store: Store,
    split: str,
    case: int,
    mask: npt.NDArray[np.uint8],
) -> list[dict[str, object]]:
    entry, settings = store.cases[case], measured.evaluation
    results = measure(
        mask,
        store.truth(case),
        classes=range(1, len(measured.class_names) + 1),
        metrics=settings.metrics,
        spacing=entry.spacing,
        both_empty=settings.both_empty,
        prepared=store.truth_surfaces(case),
    )
    head = (
        spec.run_id,
        *spec.candidate,
        spec.fold,
        spec.seed,
        split,
        entry.group,
        entry.case,
    )
    return [
        {
            **dict(zip(CASE_KEYS, head, strict=False)),
            "class": name,
            "status": result.status,
            "tp": result.tp, "fp": result.fp, "fn": result.fn, "tn": result.tn,
            **result.values,
            "unit": store.unit,
        }
        for name, result in zip(measured.class_names, results, strict=True)
    ]  # fmt: skip
