"""The experiment file as YAML, whatever names stand in it."""

from __future__ import annotations

import pytest
import yaml

from seggrid.config.load import _UniqueKeyLoader
from seggrid.proposal.text import comment, flow, one_line

HOSTILE = (
    "yes", "No", "null", "~", "1", "1e-3", ".inf", "0x1F", "2026-01-01", "a: b", "a #b", "- a", "[a]", "{a}", "a, b",
    "'", '"', "a\nb: c", "tab\t", " space ", "Schienbein äöü", "脛骨", "<b>tibia</b>", "$\\alpha_1$", "&x", "*x", "!x",
    "%x", "@x", "`x`", "x\u2028y", "",
)  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_comes_back_as_it_is(name: str) -> None:
    for value in (name, [name, "plain"], {name: 1}, {"key": {name: [name]}}):
        text = flow(value)
        assert len(text.splitlines()) == 1
        assert yaml.load(f"value: {text}", _UniqueKeyLoader)["value"] == value  # noqa: S506 (a SafeLoader)


@pytest.mark.parametrize(
    "name", ["femur", "patellar_tendon", "../shared/data", "/data/my knees", "0.50*ce + 0.50*dice"]
)
def test_a_plain_name_needs_no_quotes(name: str) -> None:
    assert flow(name) == name or name[0].isdigit()
    assert yaml.safe_load(flow(name)) == name


def test_nothing_leaves_a_comment() -> None:
    lines = comment("bad\nname: 1\r\u2028x\u0085y\x1b[31m " + "long " * 60)
    assert all(line.startswith("# ") and len(line) <= 118 for line in lines)
    assert yaml.safe_load("\n".join(lines)) is None
    assert one_line("a\x1b[31mb\n") == "a [31mb"
