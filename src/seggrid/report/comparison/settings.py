"""In which settings two experiments differ."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from seggrid.config import Experiment
from seggrid.config.flat import ABSENT, changes, flat

#: Names of candidates shown where one experiment has them and the other has not.
_SHOWN = 8


def setting_frame(first: Experiment, second: Experiment) -> pd.DataFrame:
    """A row per key that differs: ``key``, ``first``, ``second``.

    Networks and mixtures are told by name: what only one of the two has, and what both call the same but define in
    another way.
    """
    rows = [
        {"key": key, "first": a, "second": b}
        for key, (a, b) in (
            *_names("networks", *({network.name for network in e.networks} for e in (first, second))),
            *_names("mixtures", *({mixture.name for mixture in e.all_mixtures()} for e in (first, second))),
        )
    ]
    both = {network.name for network in first.networks} & {network.name for network in second.networks}
    pairs = changes(_settings(first, both), _settings(second, both))
    rows += [{"key": key, "first": _text(a), "second": _text(b)} for key, (a, b) in pairs.items()]
    return pd.DataFrame(rows, columns=["key", "first", "second"])


def _settings(experiment: Experiment, networks: set[str]) -> dict[str, Any]:
    dumped = experiment.model_dump(mode="json", by_alias=True, exclude={"name", "description", "mixtures"})
    named = {network["name"]: network for network in dumped["networks"]}
    return dict(flat({**dumped, "networks": {name: named[name] for name in sorted(networks)}}))


def _names(key: str, first: set[str], second: set[str]) -> list[tuple[str, tuple[str, str]]]:
    if first == second:
        return []
    return [(f"{key}, only in one", (_list(first - second), _list(second - first)))]


def _list(names: set[str]) -> str:
    rest = len(names) - _SHOWN
    return "; ".join(sorted(names)[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "") or ABSENT


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
