"""Text for LaTeX."""

from __future__ import annotations

import pytest

from seggrid.report.manuscript.latex import (
    Tex,
    characters,
    cite,
    escape,
    listing,
    number,
    plain_number,
    shape,
    template,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a_b & c%", r"a\_b \& c\%"),
        (r"\input{x}$y$#~^", r"\textbackslash{}input\{x\}\$y\$\#\textasciitilde{}\textasciicircum{}"),
        ("<b>|`", r"\textless{}b\textgreater{}\textbar{}\textasciigrave{}"),
        ("[1]*", "{[}1{]}{*}"),
        ("a--b---c,,d''e", "a-{}-b-{}-{}-c,{},d'{}'e"),
        ("two\n lines\u00a0here", "two lines here"),
        ("bell\x07", "bell{[}U+0007{]}"),
        ("Knöchel, 髌骨, β", "Knöchel, 髌骨, β"),
    ],
)
def test_every_sign_is_set_as_it_is_written(text: str, expected: str) -> None:
    assert escape(text) == expected


@pytest.mark.parametrize(
    ("value", "places", "signed", "expected"),
    [
        (0.91249, 3, False, "0.912"),
        (-1.5, 1, False, "$-$1.5"),
        (0.5, 1, True, "$+$0.5"),
        (-0.0001, 2, True, "0.00"),
        (float("nan"), 2, False, "--"),
        (None, 2, False, "--"),
    ],
)
def test_numbers(value: float | None, places: int, signed: bool, expected: str) -> None:
    assert number(value, places, signed) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0001, "0.0001"),
        (1e-5, r"$1 \times 10^{-5}$"),
        (10.0, "10"),
        (4 / 3, "1.333333333"),
        (-2, "$-$2"),
        (-0.5, "$-0.5$"),
    ],
)
def test_settings_are_exact(value: float, expected: str) -> None:
    assert plain_number(value) == expected


def test_lists_and_citations() -> None:
    assert listing(["a", "b_", Tex("$c$")]) == r"a, b\_ and $c$"
    assert listing([]) == ""
    assert cite(["x", "y", "x"]) == r"~\cite{x,y}"
    assert cite([]) == ""


@pytest.mark.parametrize(
    ("sign", "expected"),
    [
        ("β", r"\ensuremath{\beta}"), ("Ω", r"\ensuremath{\Omega}"), ("λ", r"\ensuremath{\lambda}"), ("ο", "o"),
        ("Α", "A"), ("≤", r"\ensuremath{\leq}"), ("₂", r"\textsubscript{2}"), ("²", r"\textsuperscript{2}"),
        ("\u200d", ""), ("髌", "{[}U+9ACC{]}"), ("ϟ", "{[}U+03DF{]}"),
    ],
)  # fmt: skip
def test_what_stands_for_a_character(sign: str, expected: str) -> None:
    assert shape(sign) == expected


def test_every_character_beyond_ascii_is_declared_once_in_order() -> None:
    lines = characters(["β and ä", "ä β"]).splitlines()
    assert [line for line in lines if line.startswith("\\seggridcharacter")] == [
        "\\seggridcharacter{00E4}{ä}{{[}U+00E4{]}}",
        "\\seggridcharacter{03B2}{β}{\\ensuremath{\\beta}}",
    ]


def test_a_template_escapes_whatever_is_not_latex() -> None:
    text = template("main.tex.j2", name="50 % & more", description="", tables=[Tex("x")], figures=[])
    assert r"\title{50 \% \& more}" in text
    assert r"\input{../tables/x}" in text
    assert "includegraphics" not in text
