"""``references.bib``: the publications that the methods paragraph cites, and those that results are set beside."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from seggrid.catalogue.references import REFERENCES, Reference

#: Combining mark -> the accent of TeX.
_ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0308": '"', "\u030a": "r", "\u030c": "v",
    "\u0327": "c",
}  # fmt: skip
_VERBATIM = ("doi", "url")


def cited(text: str) -> list[str]:
    """The keys that a LaTeX text cites, each once, in their order."""
    return list(dict.fromkeys(key for keys in re.findall(r"\\cite\{([^}]*)\}", text) for key in keys.split(",")))


def bibliography(keys: Iterable[str]) -> str:
    """Return the BibTeX entries of some keys of the catalogue, in their order."""
    return "\n".join(_entry(key, REFERENCES[key]) for key in dict.fromkeys(keys))


def _entry(key: str, reference: Reference) -> str:
    # Two braces: the capitals of a title are those of its authors, whatever the style.
    fields = {"author": _text(reference.author), "title": f"{{{_text(reference.title)}}}"}
    fields |= {name: text if name in _VERBATIM else _text(text) for name, text in reference.fields.items()}
    body = "".join(f"  {name} = {{{text}}},\n" for name, text in fields.items())
    return f"@{reference.kind}{{{key},\n{body}}}\n"


def _text(text: str) -> str:
    """Accents as TeX has them, for BibTeX knows no others; a name's letters stay together."""
    signs = re.sub(r"[&%#_]", lambda found: f"\\{found[0]}", text)
    return "".join(_accented(sign) for sign in signs)


def _accented(sign: str) -> str:
    parts = unicodedata.normalize("NFD", sign)
    return f"{{\\{_ACCENTS[parts[1]]}{{{parts[0]}}}}}" if len(parts) == 2 else sign
