"""Text that LaTeX typesets as it is written: whatever a user may call things stays text.

Letters stay letters, in UTF-8. pdfLaTeX knows those of European languages; what else a document needs is declared by
``characters``, which a manuscript of one's own may input as well.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from seggrid.catalogue.references import SOFTWARE

ABSENT = "--"
_SPECIAL = {
    "\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", "`": r"\textasciigrave{}", "[": "{[}", "]": "{]}", "*": "{*}",
    **{sign: f"\\{sign}" for sign in "{}$&#%_"},
}  # fmt: skip
#: Two of these in a row become another sign in the fonts of TeX.
_LIGATURES = re.compile(r"(?<=([-,']))(?=\1)")
#: Letters and signs beyond the fonts of European text, as far as mathematics has them.
_MATHEMATICS = {
    "\u2202": r"\partial", "\u2207": r"\nabla", "\u2211": r"\sum", "\u221a": r"\surd", "\u221e": r"\infty",
    "\u2229": r"\cap", "\u222a": r"\cup", "\u2248": r"\approx", "\u2260": r"\neq", "\u2264": r"\leq", "\u2265": r"\geq",
    "\u2190": r"\leftarrow", "\u2192": r"\rightarrow", "\u2194": r"\leftrightarrow", "\u2208": r"\in",
    "\u2212": "-", "\u00d7": r"\times",
}  # fmt: skip
_GREEK = re.compile(
    "GREEK (SMALL|CAPITAL) LETTER (ALPHA|BETA|GAMMA|DELTA|EPSILON|ZETA|ETA|THETA|IOTA|KAPPA|LAMBDA|MU|NU|XI|OMICRON|PI|"
    "RHO|SIGMA|TAU|UPSILON|PHI|CHI|PSI|OMEGA)"
)
#: Capitals that look like Latin ones and have no name of their own in mathematics.
_LATIN_CAPITALS = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΧ", "ABEZHIKMNOPTX", strict=True))


class Tex(str):
    """Text that is LaTeX already."""

    __slots__ = ()


def escape(text: object) -> Tex:
    """Escape any text, white space made one space."""
    plain = " ".join(unicodedata.normalize("NFC", str(text)).split())
    parts = _LIGATURES.split(plain)[::2]
    return Tex("{}".join("".join(map(_escaped, part)) for part in parts))


def _escaped(sign: str) -> str:
    return _code(sign) if unicodedata.category(sign) == "Cc" else _SPECIAL.get(sign, sign)


def _code(sign: str) -> str:
    return f"{{[}}U+{ord(sign):04X}{{]}}"


def number(value: Any, places: int, signed: bool = False) -> Tex:
    """``0.912``, with a minus and not a hyphen; a dash where it is undefined."""
    if value is None or pd.isna(value):
        return Tex(ABSENT)
    text = f"{value:{'+' if signed else ''}.{places}f}"
    if float(text) == 0:
        text = text.lstrip("+-")
    return Tex(text.replace("-", "$-$").replace("+", "$+$"))


def plain_number(value: float | int) -> Tex:
    """A setting as exactly as it was given: ``0.0001``, ``10000``, ``1.333333``."""
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) and abs(value) < 1e15):
        return Tex(str(int(value)).replace("-", "$-$"))
    text = f"{value:.10g}"
    mantissa, e, exponent = text.partition("e")
    text = f"{mantissa} \\times 10^{{{int(exponent)}}}" if e else text
    return Tex(f"${text}$" if e or text.startswith("-") else text)


def listing(items: Iterable[object], last: str = "and") -> Tex:
    """``a, b and c``, each escaped."""
    parts = [item if isinstance(item, Tex) else escape(item) for item in items]
    return Tex(", ".join(parts[:-1]) + f" {last} " + parts[-1] if len(parts) > 1 else "".join(parts))


def cite(keys: Iterable[str]) -> Tex:
    """``~\\cite{a,b}``, nothing where there is none."""
    joined = ",".join(dict.fromkeys(keys))
    return Tex(f"~\\cite{{{joined}}}" if joined else "")


def characters(texts: Iterable[str]) -> str:
    """Declare the characters of some documents that pdfLaTeX may not know; those that it knows keep their meaning.

    A character that no font of it has stands as its code in brackets.
    """
    used = sorted({sign for text in texts for sign in text if ord(sign) > 127})
    lines = [
        "% Characters of names: pdfLaTeX declares those that it has no letter for, LuaLaTeX and XeLaTeX need none.",
        "\\ifdefined\\directlua\\else\\ifdefined\\XeTeXversion\\else",
        "\\providecommand*\\seggridcharacter[3]{\\ifcsname u8:\\detokenize{#2}\\endcsname\\else",
        "  \\DeclareUnicodeCharacter{#1}{#3}\\fi}",
        *(f"\\seggridcharacter{{{ord(sign):04X}}}{{{sign}}}{{{shape(sign)}}}" for sign in used),
        "\\fi\\fi",
    ]
    return "\n".join(lines) + "\n"


def shape(sign: str) -> str:
    """What stands for a character in the fonts of European text."""
    if sign in _MATHEMATICS:
        return f"\\ensuremath{{{_MATHEMATICS[sign]}}}"
    if sign in _LATIN_CAPITALS:
        return _LATIN_CAPITALS[sign]
    greek = _GREEK.fullmatch(unicodedata.name(sign, "").replace("LAMDA", "LAMBDA"))
    if greek:
        letter = greek[2].lower() if greek[1] == "SMALL" else greek[2].capitalize()
        return "o" if letter == "omicron" else f"\\ensuremath{{\\{letter}}}"
    kind, _, base = unicodedata.decomposition(sign).rpartition("> ")
    if kind in ("<super", "<sub") and len(base) == 4:
        return f"\\text{kind[1:]}script{{{escape(chr(int(base, 16)))}}}"
    if unicodedata.category(sign) in ("Cf", "Zs"):
        return " " if unicodedata.category(sign) == "Zs" else ""
    return _code(sign)


def template(file: str, /, **values: Any) -> str:
    """Fill a template of LaTeX; every value is escaped that is not LaTeX already."""
    environment = Environment(
        loader=PackageLoader("seggrid.report", "templates/manuscript"),
        autoescape=False,  # noqa: S701 (it is no HTML; finalize escapes)
        finalize=lambda value: value if isinstance(value, Tex) else escape(value),
        undefined=StrictUndefined,
        block_start_string="<%", block_end_string="%>",
        variable_start_string="<<", variable_end_string=">>",
        comment_start_string="<#", comment_end_string="#>",
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters.update(
        listing=listing, cite=cite, given=plain_number, software=lambda names: cite(SOFTWARE[name] for name in names)
    )
    return environment.get_template(file).render(**values)
