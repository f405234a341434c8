"""Small files, written whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from seggrid.errors import UserError
from seggrid.paths import RunFolder

AnyModel = TypeVar("AnyModel", bound=BaseModel)


@contextlib.contextmanager
def atomic(path: Path, durable: bool = True) -> Iterator[Path]:
    """Give a temporary path beside ``path``; on success it takes the place of ``path`` in one step.

    Args:
        durable: flush to the disk first, so that a power cut leaves either the old file or the new one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}.part")
    try:
        yield temporary
        if durable:
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def fresh_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder beside ``path``; on success it takes the place of ``path``, whatever that held before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    end = os.urandom(6).hex()
    temporary, old = (path.with_name(f".{path.name}.{end}.{kind}") for kind in ("part", "old"))
    temporary.mkdir()
    try:
        yield temporary
        if path.is_dir():
            path.rename(old)
        temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


#: A temporary file that nobody wrote to for so long has no writer that is alive.
ABANDONED_SECONDS = 3600.0


def sweep_parts(folder: Path, idle_seconds: float, name: str = "*") -> None:
    """Delete the temporary files that killed writers left in a folder.

    Args:
        idle_seconds: least time since the last write to them; 0 only where no other writer can be alive.
        name: of the file that they were to become, a pattern.
    """
    now = time.time()
    for part in folder.glob(f".{name}.*.part"):
        with contextlib.suppress(FileNotFoundError):  # its writer has just put it into place
            if max(now - part.stat().st_mtime, 0.0) >= idle_seconds:
                part.unlink()


def write_text(path: Path, text: str) -> None:
    """Write a text file in one step."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_if_changed(path: Path, text: str) -> bool:
    """Write a text file unless it already holds ``text``, so that its time of change means something."""
    try:
        if path.read_text(encoding="utf-8") == text:
            return False
    except (OSError, UnicodeDecodeError):
        pass
    with atomic(path, durable=False) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return True


def to_json(value: Any) -> str:
    """Readable JSON with sorted keys: same value, same text."""
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, default=str) + "\n"


def to_json_lines(value: Mapping[str, Any]) -> str:
    """A JSON object with one line a key, sorted; many times faster to make than indented JSON."""
    lines = (
        f"{json.dumps(key)}: {json.dumps(value[key], sort_keys=True, ensure_ascii=False)}" for key in sorted(value)
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"


def to_csv(columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """CSV with a header; numbers as Python prints them, so that they read back the same."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return buffer.getvalue()


def write_json(path: Path, value: Any) -> None:
    """Write JSON in one step."""
    write_text(path, to_json(value))


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        UserError: the file is absent or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run the stage that writes it first") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}); mend or delete it, and run again") from error


def read_model(path: Path, model: type[AnyModel]) -> AnyModel:
    """Read JSON into a typed object.

    Raises:
        UserError: the file is absent, damaged, or of another version.
    """
    try:
        return model.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise UserError(
            f"{path}: {key}: {first['msg']}; the file is damaged or of another version of seggrid, "
            "run the stage that writes it again"
        ) from None


def digest(value: Any) -> str:
    """Return 12 hex digits that stand for a JSON value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


#: Columns of ``cases.csv`` before the metrics; ``unit`` stands behind them.
CASE_KEYS = (
    "run_id", "network", "loss", "fold", "seed", "split", "group", "case", "class", "status", "tp", "fp", "fn", "tn",
)  # fmt: skip


class RunStatus(BaseModel):
    """How a training run ended; the content of ``status.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run_id: str
    state: Literal["completed", "failed"]
    reason: str | None = None
    """Why it failed, in a sentence."""
    diverged: bool = False
    """Whether it failed because its loss or its weights were no longer finite."""
    epochs: int = 0
    """Epochs trained."""
    best_epoch: int | None = None
    """Epoch of the kept weights, counted from 1."""
    best_dice: float | None = None
    """Validation Dice of the kept weights."""
    parameters: int | None = None
    """Trainable parameters of the network."""
    device: str | None = None
    seconds: float = 0.0
    """Time in training and validation, over all resumptions."""
    step_seconds: float = 0.0
    """Part of it in training steps."""


class TimeInTraining(NamedTuple):
    """What a run has trained so far, over all resumptions.

    Attributes:
        device: of the latest attempt; ``None`` before its first epoch.
    """

    epochs: int
    seconds: float
    device: str | None


def time_in_training(folder: RunFolder) -> TimeInTraining:
    """Read how far a run is from the history that it writes while it trains."""
    try:
        with folder.live_history.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        return TimeInTraining(0, 0.0, None)
    device = rows[0].get("device") if rows else None  # of all rows; the last one may be half written
    return TimeInTraining(len(rows), sum(float(row["seconds"] or 0) for row in rows), device or None)


def read_status(folder: RunFolder) -> RunStatus | None:
    """Read how a run ended; ``None`` while it has not.

    A training keeps for itself how it ended, for Snakemake deletes ``status.json`` before the job of a run starts
    again, also of one that has ended: another Snakemake was asked for it too, or its allocation was submitted again.
    """
    for path in (folder.finished, folder.status):
        status = read_model(path, RunStatus) if path.is_file() else None
        if status is not None and (path == folder.status or status.state == "failed" or folder.model.is_file()):
            return status
    return None
