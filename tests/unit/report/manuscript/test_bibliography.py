"""BibTeX."""

from __future__ import annotations

import re

import pytest

from seggrid.catalogue.references import REFERENCES, short_name
from seggrid.report.manuscript.bibliography import bibliography, cited


def test_cited_keys_stand_once_in_order() -> None:
    assert cited(r"x~\cite{b,a} and \cite{a} or \cite{c}") == ["b", "a", "c"]


def test_an_entry() -> None:
    assert bibliography(["lin2017focal"]) == (
        "@inproceedings{lin2017focal,\n"
        "  author = {Lin, Tsung-Yi and Goyal, Priya and Girshick, Ross and He, Kaiming and Doll{\\'{a}}r, Piotr},\n"
        "  title = {{Focal Loss for Dense Object Detection}},\n"
        "  booktitle = {Proceedings of the IEEE International Conference on Computer Vision},\n"
        "  pages = {2980--2988},\n"
        "  year = {2017},\n"
        "}\n"
    )


@pytest.mark.parametrize("key", REFERENCES)
def test_every_entry_is_ascii_balanced_and_escaped(key: str) -> None:
    entry = bibliography([key])
    assert entry.isascii()
    assert entry.count("{") == entry.count("}")
    for line in entry.splitlines()[1:-1]:
        name, text = re.fullmatch(r"  (\w+) = \{(.*)\},", line).groups()
        assert name in ("doi", "url") or not re.search(r"(?<!\\)[&%#_$]", text)


def test_a_key_is_written_once() -> None:
    assert bibliography(["he2016", "he2016"]).count("@") == 1


def test_short_names() -> None:
    assert short_name("wang2026") == "Wang et al. 2026"
    assert short_name("radillah") == "Radillah et al."
    assert short_name("loshchilov2019") == "Loshchilov & Hutter 2019"
    assert short_name("wen2023") == "Wen et al. 2023"
    assert short_name("scheffe1958") == "Scheffé 1958"
