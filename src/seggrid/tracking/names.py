"""Keys and values as MLflow accepts them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any


def legal_keys(names: Iterable[str]) -> dict[str, str]:
    """Map names to distinct legal MLflow keys; the part before a colon becomes a group, ``loss:dice`` -> ``loss/dice``.

    Names that would fall together get ``_2``, ``_3`` ... in the order given.
    """
    keys: dict[str, str] = {}
    for name in dict.fromkeys(names):
        parts = [re.sub(r"[^\w. -]+", "_", part).strip("_. ") or "_" for part in re.split("[:/]", name)]
        key, number = "/".join(parts)[:240], 1
        while (key if number == 1 else f"{key}_{number}") in keys.values():
            number += 1
        keys[name] = key if number == 1 else f"{key}_{number}"
    return keys


def flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Flatten nested settings to ``a.b.c`` keys; values are JSON, texts as they are."""
    found: dict[str, str] = {}
    for name, value in settings.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and value:
            found |= flatten(value, f"{key}.")
        else:
            found[key] = value if isinstance(value, str) else json.dumps(value, default=str)
    return found
