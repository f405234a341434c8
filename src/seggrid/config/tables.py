"""The tables of the reference pages, written from the catalogue between two comments of a page."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping

from seggrid.catalogue import ARCHITECTURES, LOSSES, METRICS, NETWORKS, STEPS, LossRow, Parameter, Row, StepRow
from seggrid.errors import UserError


def filled(page: str, name: str, table: str, origin: str) -> str:
    """Return a page whose section ``name`` holds ``table``; ``origin`` names the page in a message.

    Raises:
        UserError: the page has no such section, or has it twice.
    """
    start, end = f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
    pattern = re.compile(f"{re.escape(start)}.*?{re.escape(end)}", re.DOTALL)
    if len(pattern.findall(page)) != 1:
        raise UserError(f"{origin}: should hold the lines {start} and {end} once; put them where the table belongs")
    return pattern.sub(lambda _: f"{start}\n\n{table}\n{end}", page)


def losses() -> str:
    """Every loss."""
    return _table(
        ("loss", "what it is", "range", "reads", "source", "version"),
        (
            (f"[`{name}`](losses/{name}.md)", row.doc, _interval(*row.range), _reads(row), row.source, row.version)
            for name, row in LOSSES.items()
        ),
    )


def metrics() -> str:
    """Every metric."""
    return _table(
        ("metric", "definition", "unit", "better", "from", "version"),
        (
            (
                f"`{name}@TOLERANCE`" if "tolerance" in row.parameters else f"`{name}`",
                row.doc,
                "mm or px" if row.unit == "length" else "",
                row.better,
                row.kind,
                row.version,
            )
            for name, row in METRICS.items()
        ),
    )


def steps() -> str:
    """Every preprocessing step."""
    return _table(
        ("step", "what it does", "moves pixels", "normalises", "version"),
        (
            (f"`{name}`", row.doc, "yes" if row.geometric else "", _normalises(row), row.version)
            for name, row in STEPS.items()
        ),
    )


def _normalises(row: StepRow) -> str:
    return f"with `{row.normalises_with}`" if row.normalises_with else "yes" if row.normalises else ""


def networks() -> str:
    """Every named network."""
    return _table(
        ("name", "architecture", "encoder", "version"),
        (
            (f"`{name}`", f"`{n.architecture}`", f"`{n.encoder}`", n.version)
            for name, n in NETWORKS.items()
            if n.encoder is not None
        ),
    )


def architectures() -> str:
    """Every architecture that is none of segmentation-models-pytorch."""
    return _table(
        ("architecture", "what it is", "axes", "gives besides the logits", "version"),
        (
            (f"`{name}`", row.doc, " or ".join(map(str, row.axes)), ", ".join(row.outputs), row.version)
            for name, row in ARCHITECTURES.items()
        ),
    )


def parameters(rows: Mapping[str, Row], owner: str) -> str:
    """The parameters of some rows; ``owner`` heads the first column."""
    return _table(
        (owner, "parameter", "default", "allowed", "meaning"),
        (
            (f"`{name}`", f"`{key}`", f"`{_word(parameter.default)}`", _allowed(parameter), parameter.doc)
            for name, row in rows.items()
            for key, parameter in row.parameters.items()
        ),
    )


#: Page below ``docs/`` -> name of the section -> its table.
PAGES: dict[str, dict[str, Callable[[], str]]] = {
    "reference/losses.md": {"losses": losses, "loss parameters": lambda: parameters(LOSSES, "loss")},
    "reference/metrics.md": {"metrics": metrics},
    "reference/preprocessing.md": {"steps": steps, "step parameters": lambda: parameters(STEPS, "step")},
    "reference/networks.md": {
        "networks": networks,
        "architectures": architectures,
        "architecture parameters": lambda: parameters(ARCHITECTURES, "architecture"),
    },
}


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    lines = [head, ("---",) * len(head), *(tuple(str(cell).replace("|", "\\|") for cell in row) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _reads(row: LossRow) -> str:
    chosen = [f"the map that `{row.map_parameter}` names"] if row.map_parameter else []
    output = [f"output `{row.auxiliary}`"] if row.auxiliary else []
    return ", ".join(
        [*(["class areas"] if row.areas else []), *(f"map `{name}`" for name in row.maps), *chosen, *output]
    )


def _interval(low: float, high: float) -> str:
    ends = ["minus infinity" if low == -math.inf else f"{low:g}", "infinity" if high == math.inf else f"{high:g}"]
    return " to ".join(ends)


def _allowed(parameter: Parameter) -> str:
    if parameter.choices:
        return ", ".join(f"`{choice}`" for choice in parameter.choices)
    if isinstance(parameter.default, bool):
        return "`true`, `false`"
    return _interval(parameter.minimum, parameter.maximum)


def _word(value: object) -> str:
    if isinstance(value, tuple):
        return str(list(value))
    return str(value).lower() if isinstance(value, bool) else str(value)
