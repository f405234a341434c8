"""The objects of a data set: which mask values they are, and what they are called."""

from __future__ import annotations

from dataclasses import dataclass

from seggrid.config.data import CocoData, FolderData, members
from seggrid.errors import UserError
from seggrid.proposal.fingerprint import Fingerprint
from seggrid.proposal.layout import Files

#: A value that is nowhere on more pixels than this is a slip of the pen, where other values are.
_SLIP = 9
#: With more values than this, a mask is a picture of grey values.
_MOST_VALUES = 254


@dataclass(frozen=True)
class ObjectClass:
    """An object.

    Attributes:
        values: its values in the fingerprint's areas.
        areas: its pixels in each case, 0 where it is absent.
        groups: groups that show it.
    """

    name: str
    values: tuple[int, ...]
    areas: tuple[int, ...]
    groups: int

    @property
    def cases(self) -> int:
        """Cases that show it."""
        return sum(map(bool, self.areas))


def name_classes(data: Files, fingerprint: Fingerprint) -> tuple[Files, tuple[str, ...]]:
    """Complete the data section: classes that occur, values that are slips, cases that cannot be used.

    Returns:
        The section, and what a user should know of the classes, a sentence each.

    Raises:
        UserError: the masks hold no object, or grey values.
    """
    if not fingerprint.values:
        raise UserError(f"{data.path}: no mask shows an object; every pixel is 0")
    if isinstance(data, FolderData):
        changes, notes = _from_values(fingerprint)
    else:
        changes, notes = _from_names(data, fingerprint)
    changes |= {
        "exclude": tuple(fingerprint.excluded),
        "allow_empty": any(not case.areas for case in fingerprint.cases),
    }
    return type(data).model_validate({**data.model_dump(), **changes}), tuple(notes)


def _from_values(fingerprint: Fingerprint) -> tuple[dict[str, object], list[str]]:
    areas = fingerprint.values
    if len(areas) > _MOST_VALUES:
        raise UserError(
            f"the masks hold {len(areas)} values, more than {_MOST_VALUES} classes: they are grey images, or were "
            "resampled with interpolation; save them with one whole number an object"
        )
    slips = [value for value, pixels in areas.items() if max(pixels) <= _SLIP]
    values = [value for value in areas if value not in slips] or list(areas)
    slips = [value for value in slips if value not in values]
    names = fingerprint.value_names
    notes = []
    if any(value not in names for value in values):
        notes.append(
            f"nothing names the objects of the mask values {_listed(values)}: object_1 and so on stand for them in "
            "data.classes; put the right names there"
            if len(values) > 1
            else f"nothing names the object of the mask value {values[0]}: object_1 stands for it in data.classes; put "
            "the right name there"
        )
    gaps = sorted(set(range(1, max(values))) - set(values))
    if len(values) > 1 and 0 < len(gaps) <= len(values):
        notes.append(f"no mask holds the value {_listed(gaps)}, although {max(values)} occurs: is an object lost?")
    if 255 in values and len(values) > 1:
        notes.append("255 often marks what nobody drew: if so, move it from data.classes to data.ignore")
    for value in slips:
        notes.append(
            f"the mask value {value} is nowhere on more than {_SLIP} pixels, likely a slip of the pen: it stands in "
            f"data.ignore ({len(areas[value])} case{'s' * (len(areas[value]) > 1)})"
        )
    classes: dict[str, int] = {}
    for number, value in enumerate(values, start=1):
        name = names.get(value, "")
        classes[name if name and name != "background" and name not in classes else f"object_{number}"] = value
    return {"classes": classes, "ignore": tuple(slips)}, notes


def _from_names(data: Files, fingerprint: Fingerprint) -> tuple[dict[str, object], list[str]]:
    shown = [name for number, name in enumerate(fingerprint.class_names, start=1) if number in fingerprint.values]
    lost = [name for name in fingerprint.class_names if name not in shown]
    if not lost:
        return {}, []
    changes: dict[str, object] = {"classes": {name: data.classes[name] for name in shown}}
    gone = tuple(value for name in lost for value in members(data.classes[name]))
    changes["ignore"] = (*data.ignore, *gone)
    if isinstance(data, CocoData):
        changes["on_top"] = tuple(name for name in data.on_top if name in shown)
    return changes, [f"no usable case shows {_listed(lost)}: left out of data.classes"]


def object_classes(data: Files, fingerprint: Fingerprint) -> tuple[ObjectClass, ...]:
    """The objects of a completed data section, in their order."""
    if isinstance(data, FolderData):
        values = {name: tuple(map(int, members(value))) for name, value in data.classes.items()}
    else:
        numbers = {name: number for number, name in enumerate(fingerprint.class_names, start=1)}
        values = {name: (numbers[name],) for name in data.classes}
    found = []
    for name, own in values.items():
        areas = tuple(sum(case.areas.get(value, 0) for value in own) for case in fingerprint.cases)
        groups = {case.group for case, area in zip(fingerprint.cases, areas, strict=True) if area}
        found.append(ObjectClass(name, own, areas, len(groups)))
    return tuple(found)


def _listed(words: list[int] | list[str]) -> str:
    shown = ", ".join(map(str, words[:12]))
    return f"{shown} and {len(words) - 12} more" if len(words) > 12 else shown
