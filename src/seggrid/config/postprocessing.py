"""Post-processing: the steps among which each class gets its own, chosen on validation."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from seggrid.catalogue import POSTPROCESSING
from seggrid.config.steps import NamedStep

#: What a choice is called that changes nothing.
NONE = "none"


class PostStep(NamedStep):
    """One step of post-processing."""

    rows = POSTPROCESSING

    @property
    def title(self) -> str:
        """The step with what differs from its defaults, ``remove_small(minimum=50)``."""
        given = ", ".join(
            f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}"
            for key, value in self.parameters.items()
        )
        return f"{self.name}({given})" if given else self.name


def _as_chain(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


def _not_empty(chain: tuple[PostStep, ...]) -> tuple[PostStep, ...]:
    if not chain:
        raise ValueError(f"a choice needs at least one step; {NONE} is always among the choices")
    return chain


def _each_once(options: tuple[Chain, ...]) -> tuple[Chain, ...]:
    titles = [chain_title(chain) for chain in options]
    for title in titles:
        if titles.count(title) > 1:
            raise ValueError(f"{title} stands twice; leave one of them out")
    return options


_STEP_SCHEMA = PostStep.model_json_schema()
#: Steps one after the other.
Chain = tuple[PostStep, ...]
#: What is chosen from: a step, or a list of steps one after the other.
Options = Annotated[
    tuple[
        Annotated[
            tuple[PostStep, ...],
            BeforeValidator(_as_chain),
            AfterValidator(_not_empty),
            WithJsonSchema({"anyOf": [_STEP_SCHEMA, {"type": "array", "items": _STEP_SCHEMA, "minItems": 1}]}),
        ],
        ...,
    ],
    AfterValidator(_each_once),
]


def chain_title(chain: Chain) -> str:
    """``largest_component + fill_holes``; ``none`` of no step."""
    return " + ".join(step.title for step in chain) or NONE
