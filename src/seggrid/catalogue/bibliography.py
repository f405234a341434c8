"""What an entry of the bibliography is, and how one is written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Reference:
    """One publication.

    Attributes:
        kind: of entry in BibTeX.
        author: family name, given name; several joined by "and".
        title: as it is printed.
        fields: further fields of BibTeX.
    """

    kind: Literal["article", "inproceedings", "misc"]
    author: str
    title: str
    fields: Mapping[str, str]


def article(author: str, title: str, journal: str, year: int | None, **fields: str) -> Reference:
    """Return an article of a journal."""
    return _reference("article", author, title, year, journal=journal, **fields)


def proceedings(author: str, title: str, booktitle: str, year: int | None, **fields: str) -> Reference:
    """Return a paper of a conference."""
    return _reference("inproceedings", author, title, year, booktitle=booktitle, **fields)


def misc(author: str, title: str, year: int | None, **fields: str) -> Reference:
    """Return what is neither: a preprint, a piece of software."""
    return _reference("misc", author, title, year, **fields)


def _reference(
    kind: Literal["article", "inproceedings", "misc"], author: str, title: str, year: int | None, **fields: str
) -> Reference:
    return Reference(kind, author, title, {**fields, **({"year": str(year)} if year else {})})


CVPR = "Proceedings of the IEEE Conference on Computer Vision and Pattern Recognition"
ICCV = "Proceedings of the IEEE International Conference on Computer Vision"
ECCV = "Proceedings of the European Conference on Computer Vision"
MICCAI = "Medical Image Computing and Computer-Assisted Intervention"
DLMIA = "Deep Learning in Medical Image Analysis and Multimodal Learning for Clinical Decision Support"
ICLR = "International Conference on Learning Representations"
TMI = "IEEE Transactions on Medical Imaging"
NEURIPS = "Advances in Neural Information Processing Systems"
