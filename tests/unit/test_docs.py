"""The documentation says what the code does: links, commands, keys, columns and tables."""

from __future__ import annotations

import argparse
import ast
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from seggrid import cli
from seggrid.catalogue import Parameter, Row
from seggrid.config import generate, parse_experiment, tables
from seggrid.errors import UserError
from tests.conftest import REPOSITORY

DOCS = REPOSITORY / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
#: Files that a page lets its reader write.
EXAMPLES = {"src/seggrid/losses/brier.py", "config/experiments/first.yaml", "config/experiments/knees.yaml"}
OTHERS = [REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "results/README.md")]
each_page = pytest.mark.parametrize("page", [*PAGES, *OTHERS], ids=lambda page: page.relative_to(REPOSITORY).as_posix())
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!\!)\[[^\]]*\]\(([^)\s]+)\)")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path, language: str) -> list[str]:
    return [content for name, content in _BLOCK.findall(text_of(page)) if name == language]


def prose(page: Path) -> str:
    """The page without its code blocks."""
    return _BLOCK.sub("", text_of(page))


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# Pages and links


@each_page
def test_relative_links_resolve(page: Path) -> None:
    for link in _LINK.findall(prose(page)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link}"
        assert target.is_relative_to(REPOSITORY), f"{page.name}: {link} leaves the repository"
        assert not anchor or anchor in anchors(target), f"{page.name}: {link}: no such heading"


def test_every_page_is_in_an_index() -> None:
    listed = {
        (index.parent / link).resolve()
        for index in (DOCS / "README.md", DOCS / "decisions" / "README.md", DOCS / "reference" / "losses.md")
        for link in _LINK.findall(text_of(index))
        if "://" not in link
    }
    assert {page for page in PAGES if page not in listed} <= {DOCS / "README.md"}


@each_page
def test_a_page_has_one_title_and_closes_its_code_blocks(page: Path) -> None:
    assert text_of(page).startswith("# ")
    assert len(re.findall(r"^# ", prose(page), re.MULTILINE)) == 1
    assert "```" not in prose(page)


def test_decisions_are_numbered_and_say_context_decision_consequence() -> None:
    pages = sorted((DOCS / "decisions").glob("0*.md"))
    for number, page in enumerate(pages, start=1):
        assert page.name.startswith(f"{number:04d}-")
        assert text_of(page).startswith(f"# {number:04d} ")
        for part in ("Context", "Decision", "Consequence"):
            assert f"**{part}.**" in text_of(page), f"{page.name}: {part}"


@each_page
def test_files_that_a_page_names_exist(page: Path) -> None:
    for name in re.findall(r"`((?:src|tests|config|docs|benchmarks|workflow|profiles|envs)/[\w./-]*)`", prose(page)):
        assert (REPOSITORY / name).exists() or name in EXAMPLES, name


@pytest.mark.parametrize("folder", ["src", "workflow", "results", "config"])
def test_pages_that_the_code_names_exist(folder: str) -> None:
    for file in (REPOSITORY / folder).rglob("*"):
        if file.suffix in (".py", ".smk", ".yaml") or file == REPOSITORY / "results" / "README.md":
            for name in re.findall(r"docs/[\w/-]+\.md", text_of(file)):
                assert (REPOSITORY / name).is_file(), f"{file}: {name}"


# Commands


def commands(page: Path) -> Iterator[list[str]]:
    for block in blocks(page, "bash"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words:
                yield [words[0].removeprefix(".venv/bin/"), *words[1:]]


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", text_of(REPOSITORY / "Makefile"), re.MULTILINE))


def rules() -> set[str]:
    files = [REPOSITORY / "Snakefile", *(REPOSITORY / "workflow" / "rules").glob("*.smk")]
    return {name for file in files for name in re.findall(r"^rule (\w+):", text_of(file), re.MULTILINE)}


@each_page
def test_commands_name_what_exists(page: Path) -> None:
    for program, *words in commands(page):
        if program == "seggrid":
            cli.parser().parse_args(words)  # exits where the verb or an option is unknown
        elif program == "make":
            assert {word for word in words if "=" not in word} <= make_targets(), words
        elif program == "snakemake":
            if "--profile" in words:
                at = words.index("--profile")
                assert (REPOSITORY / words[at + 1] / "config.yaml").is_file(), words
                words = words[:at] + words[at + 2 :]
            if "--report" in words:
                at = words.index("--report")
                assert words[at + 1].endswith((".zip", ".html")), words
                words = words[:at] + words[at + 2 :]
            assert {word.partition("=")[0] for word in words if "=" in word} == {"experiment"} | (
                {"data"} if any(word.startswith("data=") for word in words) else set()
            )
            assert {w for w in words if "=" not in w and not w.startswith("-")} <= rules(), words
        else:
            assert program in ("mlflow", "pytest", "python", "python3", "source", "touch"), program
        for word in words:
            if re.match(r"(tests|benchmarks|config|src)/", word):
                assert (REPOSITORY / word).exists(), word


@each_page
def test_commands_in_a_sentence_name_what_exists(page: Path) -> None:
    for program, word in re.findall(r"`(seggrid|make) ([a-z][a-z-]*)", prose(page)):
        assert word in (verbs() if program == "seggrid" else make_targets()), f"{program} {word}"


def verbs() -> dict[str, argparse.ArgumentParser]:
    (action,) = (a for a in cli.parser()._actions if isinstance(a, argparse._SubParsersAction))
    return dict(action.choices)


def test_every_verb_and_option_stands_in_the_reference() -> None:
    page = text_of(DOCS / "reference" / "command-line.md")
    for name, verb in verbs().items():
        (row,) = re.findall(rf"^\| `seggrid {name}\b.*$", page, re.MULTILINE)
        for action in verb._actions:
            for option in action.option_strings:
                assert option in ("-h", "--help") or option in row, f"{name} {option}"


def test_every_target_of_make_stands_in_the_reference() -> None:
    page = text_of(DOCS / "reference" / "command-line.md")
    for target in make_targets():
        assert f"`make {target}`" in page


# Experiments and code


def completed(block: dict[str, Any]) -> dict[str, Any]:
    """Make an experiment out of an extract of one: keys of an experiment, or of its data section."""
    if "classes" in block:
        block = {"data": {"source": "folder", "path": "raw", **block}}
    return {"name": "page", "data": {"source": "phantom"}, "networks": ["UNet_R18"], "mixtures": ["ce"], **block}


@each_page
def test_yaml_blocks_are_experiments(page: Path) -> None:
    for block in blocks(page, "yaml"):
        parse_experiment(completed(yaml.safe_load(block)), f"{page.name}\n{block}")


def test_a_mistake_in_a_block_would_be_found() -> None:
    with pytest.raises(UserError, match="trainig: unknown key"):
        parse_experiment(completed({"trainig": {"epochs": 1}}), "page")
    with pytest.raises(UserError, match="ignored: unknown key"):
        parse_experiment(completed({"classes": ["femur"], "ignored": [2]}), "page")


@each_page
def test_python_blocks_are_python(page: Path) -> None:
    for block in blocks(page, "python"):
        # A row of the catalogue is part of a dictionary.
        ast.parse(f"{{{block}}}" if block.startswith('"') and not block.startswith('"""') else block)


def test_every_section_of_an_experiment_stands_in_the_reference() -> None:
    page = text_of(DOCS / "reference" / "experiment-file.md")
    for key in json.loads(generate.schema())["properties"]:
        assert re.search(rf"^\|.*`{key}`", page, re.MULTILINE), key


# Tables


# Generated tables


def test_generated_tables_are_up_to_date() -> None:
    for name, text in generate.generated(REPOSITORY):
        assert text_of(REPOSITORY / name) == text, f"{name}: run `make docs`"


def test_a_section_is_filled_and_the_rest_left_alone() -> None:
    page = "before\n<!-- generated: x -->\nold | \\1\n<!-- end: x -->\nafter\n"
    filled = tables.filled(page, "x", "| \\1 |\n", "page.md")
    assert filled == "before\n<!-- generated: x -->\n\n| \\1 |\n\n<!-- end: x -->\nafter\n"
    assert tables.filled(filled, "x", "| \\1 |\n", "page.md") == filled


@pytest.mark.parametrize("page", ["", "<!-- generated: x -->\n", "<!-- generated: x --><!-- end: x -->" * 2])
def test_a_page_without_its_section_is_named(page: str) -> None:
    with pytest.raises(UserError, match=r"page\.md: should hold the lines <!-- generated: x -->"):
        tables.filled(page, "x", "", "page.md")


def test_a_bar_in_a_cell_does_not_end_it() -> None:
    row = Row("module:attribute", "", parameters={"p": Parameter(0.5, "a | b", 0)})
    (line,) = tables.parameters({"x": row}, "loss").splitlines()[2:]
    assert line == "| `x` | `p` | `0.5` | 0 to infinity | a \\| b |"
