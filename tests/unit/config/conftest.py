"""A valid experiment that a test changes in one place, and the message that this costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from seggrid.config import Experiment, parse_experiment
from seggrid.errors import UserError

Parse = Callable[..., Experiment]
Refuse = Callable[..., list[str]]


@pytest.fixture
def parse() -> Parse:
    """Parse the smallest experiment with some of its keys replaced."""

    def parse_with(**changes: Any) -> Experiment:
        raw = {"name": "x", "data": {"source": "phantom"}, "networks": ["UNet_R18"], "mixtures": ["dice"], **changes}
        return parse_experiment(raw, "x.yaml")

    return parse_with


@pytest.fixture
def refuse(parse: Parse) -> Refuse:
    """The lines of the message that such an experiment is refused with, without the file at their head."""

    def refused(**changes: Any) -> list[str]:
        with pytest.raises(UserError) as caught:
            parse(**changes)
        lines = str(caught.value).splitlines()
        assert all(line.startswith("x.yaml: ") for line in lines)
        assert "validation error" not in str(caught.value)
        return [line.removeprefix("x.yaml: ") for line in lines]

    return refused
