"""Files of ``config`` that experiments name: the figures of publications, and the forms of their tables."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from seggrid.config.load import explain, read_mapping
from seggrid.errors import UserError, nearest

_CHECKOUT = Path(__file__).resolve().parents[3]
_Model = TypeVar("_Model", bound=BaseModel)


def load_entry(model: type[_Model], name: str, folder: str, noun: str, otherwise: str) -> _Model:
    """Read and check one file of ``config/FOLDER``, in the working folder or in the checkout that the code is of.

    Args:
        folder: which is the key of the experiment as well.
        noun: what such a file is.
        otherwise: said where it is no mapping.

    Raises:
        UserError: there is no such file, with the names that exist; or every mistake in it, a line each.
    """
    folders = list(dict.fromkeys(root / "config" / folder for root in (Path.cwd(), _CHECKOUT)))
    path = next((place / f"{name}.yaml" for place in folders if (place / f"{name}.yaml").is_file()), None)
    if path is None:
        known = sorted({file.stem for place in folders for file in place.glob("*.yaml")})
        raise UserError(
            f"{folder}: no {noun} {name}{nearest(name, known)}; known are {', '.join(known) or 'none'}, or add "
            f"config/{folder}/{name}.yaml"
        )
    raw = read_mapping(path, otherwise)
    try:
        return model.model_validate({**raw, "name": path.stem})
    except ValidationError as error:
        sentences = explain(error.errors(), model)
        raise UserError("\n".join(f"{path}: {sentence}" for sentence in sentences)) from None
