"""Settings as lines: a key for every value, and in which of them two differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

#: Stands where one of the two has no such key.
ABSENT = "-"


def flat(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of nested settings with its key, ``a.b[0].c``; lists of plain values stay whole."""
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from flat(item, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list) and value and all(isinstance(item, list | dict) for item in value):
        for number, item in enumerate(value):
            yield from flat(item, f"{key}[{number}]")
    else:
        yield key, value


def changes(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Both values under every key in which two flat settings differ, in the order of the keys."""
    pairs = {key: (first.get(key, ABSENT), second.get(key, ABSENT)) for key in (*first, *second)}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}
