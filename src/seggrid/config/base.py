"""What every section of an experiment shares: frozen, closed to unknown keys, and able to say what defines it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from seggrid.catalogue.references import REFERENCES
from seggrid.errors import check_known

#: Marks a field that changes nothing in the numbers: paths, device, labels.
NOT_IDENTITY: JsonDict = {"identity": False}
Share = Annotated[float, Field(ge=0, le=1)]


def _publication(key: str) -> str:
    check_known("reference", key, REFERENCES)
    return key


#: Key of a publication in the catalogue.
PublicationKey = Annotated[str, AfterValidator(_publication)]


def also_text(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON schema that allows the short form of a section as well, which is a text."""
    return {"anyOf": [{"type": "string"}, schema]}


class Section(BaseModel):
    """A section of the experiment file."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def identity(section: BaseModel) -> dict[str, Any]:
    """Return the fields of ``section`` that define its numbers: those that differ from their defaults.

    A field whose schema says ``identity: False`` is left out, so is any field at its default: adding an option
    to seggrid keeps the identity of every run that does not use it.
    """
    found: dict[str, Any] = {}
    for name, field in type(section).model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and extra.get("identity") is False:
            continue
        value = getattr(section, name)
        if not field.is_required() and value == field.get_default(call_default_factory=True):
            continue
        found[name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        own = getattr(value, "identity", None)
        return own() if callable(own) else identity(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return value
