"""The contract of a loss of the logits: every row of the catalogue passes by its row alone, in 2-D and in 3-D.

Each row is tried with its defaults and once with every other choice of each parameter.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from seggrid.catalogue import LOSSES as ALL_LOSSES
from seggrid.catalogue import LossRow, Parameter
from seggrid.config.mixture import Term
from seggrid.errors import UserError
from seggrid.losses import Loss, base, build, maps

LOSSES = {name: row for name, row in ALL_LOSSES.items() if not row.auxiliary}
CLASSES = 4
SHAPES = {"2-D": (9, 12), "3-D": (5, 6, 7)}
SECTIONS = ("Formula:", "Source:", "Range:", "Units:", "Deviations:")


class Case(NamedTuple):
    """A loss of the catalogue and the parameters that differ from their defaults."""

    name: str
    parameters: dict[str, Any]

    @property
    def row(self) -> LossRow:
        return LOSSES[self.name]

    def build(self, num_classes: int = CLASSES, target: Tensor | None = None) -> Loss:
        areas = torch.arange(num_classes, 0, -1).double() * 100
        if target is not None:
            areas = torch.bincount(target.flatten(), minlength=num_classes).double().clamp_min(1)
        return build(self.term, num_classes, areas)

    @property
    def term(self) -> Term:
        return Term(loss=self.name, parameters=self.parameters)

    def maps(self, logits: Tensor, target: Tensor) -> Mapping[str, Tensor]:
        """What a mixture would give the loss."""
        probabilities = logits.detach().float().softmax(1)
        return maps.compute(self.term.maps, target, logits.shape[1], probabilities=probabilities)


def others(parameter: Parameter) -> list[Any]:
    """Return values of a parameter other than its default: all words, the other truth, the ends of its range."""
    default = parameter.default
    if parameter.choices:
        return [word for word in parameter.choices if word != default]
    if isinstance(default, bool):
        return [not default]
    ends = [end for end in (parameter.minimum, parameter.maximum) if abs(end) != float("inf") and end != default]
    assert ends, "a parameter of a loss has bounds, at the ends of which it is tried"
    return [type(default)(end) for end in ends]


CASES = [Case(name, {}) for name in LOSSES] + [
    Case(name, {key: value})
    for name, row in LOSSES.items()
    for key, parameter in row.parameters.items()
    for value in others(parameter)
]
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.term.name)
every_row = pytest.mark.parametrize("name", LOSSES)
every_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


def sample(shape: tuple[int, ...], images: int = 3, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Return random logits and a target of blocks, every class in every image."""
    generator = torch.Generator().manual_seed(len(shape))
    logits = 2 * torch.randn(images, CLASSES, *shape, generator=generator, dtype=dtype)
    target = torch.zeros(images, *shape, dtype=torch.int64)
    for image in range(images):
        for c in range(1, CLASSES):
            target[image, ..., c : c + 2, 2 * c - 1 : 2 * c + 1 - (image == 1)] = c
    return logits.requires_grad_(), target


def degenerate() -> dict[str, Tensor]:
    """Return targets (2, 6, 7) that real batches hold now and then."""
    empty = torch.zeros(2, 6, 7, dtype=torch.int64)
    pixel, corner, half = empty.clone(), empty.clone(), empty.clone()
    pixel[0, 3, 3] = 2
    corner[:, 0, 0] = 1
    half[0], half[1, :3] = 3, 1
    return {"all background": empty, "one pixel": pixel, "one corner": corner, "filled": empty + 1, "mixed": half}


def value_and_gradient(
    loss: Loss, logits: Tensor, target: Tensor, given: Mapping[str, Tensor]
) -> tuple[Tensor, Tensor]:
    value = loss(logits, target, given)
    return value.detach(), torch.autograd.grad(value, logits)[0]


@every_row
def test_row_and_signature_agree(name: str) -> None:
    row = LOSSES[name]
    parameters = inspect.signature(row.load().__init__).parameters.values()
    keywords = {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
    assert keywords == {key: parameter.default for key, parameter in row.parameters.items()}
    assert ("class_areas" in {p.name for p in parameters}) == row.areas
    assert set(row.maps) <= set(maps.MAPS)
    assert not row.map_parameter or set(row.parameters[row.map_parameter].choices) <= set(maps.MAPS)


@every_row
def test_docstring_has_every_section(name: str) -> None:
    text = LOSSES[name].load().__doc__
    missing = [section for section in SECTIONS if f"\n    {section} " not in text]
    assert not missing
    undocumented = [key for key in LOSSES[name].parameters if f"\n        {key}: " not in text]
    assert not undocumented


@every_case
@every_shape
def test_value_is_a_float32_scalar_in_range_with_gradient(case: Case, shape: tuple[int, ...]) -> None:
    logits, target = sample(shape)
    value, gradient = value_and_gradient(case.build(), logits, target, case.maps(logits, target))
    assert value.shape == ()
    assert value.dtype == torch.float32
    low, high = case.row.range
    assert low <= value <= high
    assert gradient.shape == logits.shape
    assert gradient.isfinite().all()
    assert gradient.abs().sum() > 0


@every_case
def test_float64_stays_float64(case: Case) -> None:
    logits, target = sample(SHAPES["2-D"], dtype=torch.float64)
    value, gradient = value_and_gradient(case.build(), logits, target, case.maps(logits, target))
    assert value.dtype == gradient.dtype == torch.float64
    single = case.build()(logits.float(), target, case.maps(logits, target))
    torch.testing.assert_close(single.double(), value, rtol=2e-6, atol=1e-7)


@every_row
@pytest.mark.parametrize("likelihood", [0.7, 0.99, 0.999])
def test_float32_keeps_its_digits_in_a_volume(name: str, likelihood: float) -> None:
    """Half a million equal values, which rounding would carry off in one direction."""
    case, shape = Case(name, {}), (128, 256, 16)
    target = torch.zeros(1, *shape, dtype=torch.int64)
    target[:, :100] = 1
    target[:, :3, :5, :2] = 2
    odds = math.log(likelihood / (1 - likelihood) * 2)
    logits = (odds * torch.nn.functional.one_hot(target, 3).movedim(-1, 1)).double()
    given = case.maps(logits, target)
    values, gradients = zip(
        *(value_and_gradient(case.build(3), x.requires_grad_(), target, given) for x in (logits, logits.float())),
        strict=True,
    )
    torch.testing.assert_close(values[1].double(), values[0], rtol=1e-4, atol=1e-6)
    if name != "topk":  # rounding decides which of equal pixels are the hardest
        scale = float(gradients[0].abs().max())
        torch.testing.assert_close(gradients[1].double(), gradients[0], rtol=1e-3, atol=1e-4 * scale)


@every_case
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_computes_in_float32(case: Case, dtype: torch.dtype) -> None:
    logits, target = sample(SHAPES["2-D"])
    half = logits.detach().to(dtype).requires_grad_()
    with torch.autocast("cpu", dtype=dtype):
        value, gradient = value_and_gradient(case.build(), half, target, case.maps(logits, target))
    assert value.dtype == torch.float32
    assert gradient.dtype == dtype
    assert gradient.isfinite().all()
    torch.testing.assert_close(value, case.build()(half.float(), target, case.maps(logits, target)), rtol=0, atol=0)


@every_case
@pytest.mark.parametrize("kind", degenerate())
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_degenerate_input_has_finite_value_and_gradient(case: Case, kind: str, dtype: torch.dtype) -> None:
    target = degenerate()[kind]
    signs = torch.randn(2, CLASSES, *target.shape[1:], generator=torch.Generator().manual_seed(7)).sign()
    for size in (0.0, 1.0, 1e4):
        logits = (size * signs).to(dtype).requires_grad_()
        with torch.autocast("cpu", dtype=torch.bfloat16 if dtype == torch.float32 else dtype):
            value, gradient = value_and_gradient(case.build(), logits, target, case.maps(logits, target))
        assert value.dtype == torch.float32
        assert value.isfinite(), size
        assert gradient.isfinite().all(), size
        assert case.row.range[0] <= value <= case.row.range[1], size


@every_case
@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (1, 1, 1), (1, 4, 3)])
def test_thin_images_are_legal(case: Case, shape: tuple[int, ...]) -> None:
    target = torch.arange(2 * torch.Size(shape).numel()).view(2, *shape) % CLASSES
    logits = torch.zeros(2, CLASSES, *shape, requires_grad=True)
    value, gradient = value_and_gradient(case.build(), logits, target, case.maps(logits, target))
    assert value.isfinite()
    assert gradient.isfinite().all()


@every_case
@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 2)])
def test_gradient_is_that_of_the_value(case: Case, shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(2, 3, *shape, generator=generator, dtype=torch.float64, requires_grad=True)
    target = torch.randint(0, 3, (2, *shape), generator=generator)
    target[1] %= 2  # class 2 is absent from the second image
    loss = case._replace(parameters={**case.parameters, **case.row.gradient_with}).build(3)
    given = case.maps(logits, target)
    assert torch.autograd.gradcheck(lambda x: loss(x, target, given), logits)


@every_case
@every_shape
def test_order_of_the_batch_does_not_matter(case: Case, shape: tuple[int, ...]) -> None:
    logits, target = sample(shape, dtype=torch.float64)
    order = torch.tensor([2, 0, 1])
    loss = case.build()
    turned = loss(logits[order], target[order], case.maps(logits[order], target[order]))
    torch.testing.assert_close(turned, loss(logits, target, case.maps(logits, target)), rtol=1e-12, atol=1e-12)


@every_case
@every_shape
def test_perfect_prediction_is_the_minimum(case: Case, shape: tuple[int, ...]) -> None:
    logits, target = sample(shape, dtype=torch.float64)
    loss = case._replace(parameters={**case.parameters, **case.row.minimum_with}).build(target=target)
    perfect = 60 * torch.nn.functional.one_hot(target, CLASSES).movedim(-1, 1).double()
    best = loss(perfect, target, case.maps(perfect, target))
    for share in (0.02, 0.2, 0.5):
        blurred = (1 - share) * perfect + share * 20 * logits.detach()
        assert loss(blurred, target, case.maps(blurred, target)) >= best - 1e-9
    for shift in (1, 3):
        moved = perfect.roll(shift, dims=-1)
        assert loss(moved, target, case.maps(moved, target)) > best + 1e-6


@every_case
@every_shape
def test_value_and_gradient_are_deterministic(case: Case, shape: tuple[int, ...]) -> None:
    logits, target = sample(shape)
    first, second = (value_and_gradient(case.build(), logits, target, case.maps(logits, target)) for _ in range(2))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])


@every_case
def test_memory_layout_does_not_matter(case: Case) -> None:
    logits, target = sample(SHAPES["2-D"])
    expected = value_and_gradient(case.build(), logits, target, case.maps(logits, target))
    strided = logits.detach().to(memory_format=torch.channels_last).requires_grad_()
    found = value_and_gradient(case.build(), strided, target, case.maps(logits, target))
    torch.testing.assert_close(found, expected)


@every_case
def test_input_is_not_changed(case: Case) -> None:
    logits, target = sample(SHAPES["2-D"])
    given = case.maps(logits, target)
    before = [tensor.detach().clone() for tensor in (logits, target, *given.values())]
    value_and_gradient(case.build(), logits, target, given)
    assert all(map(torch.equal, before, (logits.detach(), target, *given.values())))


@every_case
def test_forward_never_waits_for_the_device(case: Case) -> None:
    """A fake CUDA tensor has no values: reading one on the host raises."""
    built = case.build()
    with FakeTensorMode(allow_non_fake_inputs=True):
        logits = torch.empty(2, CLASSES, 8, 9, device="cuda", requires_grad=True)
        target = torch.empty(2, 8, 9, device="cuda", dtype=torch.int64)
        assert built.to("cuda")(logits, target, case.maps(logits, target)).device.type == "cuda"


@every_case
def test_backward_never_reads_a_value(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same with the gradient, on the CPU because the engine starts a thread on a real device only."""
    monkeypatch.setattr(base, "_check_labels", lambda *_: None)
    built = case.build()
    with FakeTensorMode(allow_non_fake_inputs=True):
        logits = torch.empty(2, CLASSES, 8, 9, requires_grad=True)
        target = torch.empty(2, 8, 9, dtype=torch.int64)
        given = dict.fromkeys(case.term.maps, torch.empty(2, CLASSES, 8, 9))
        built(logits, target, given).backward()
        assert logits.grad is not None


@every_row
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda x, y: (x[:, :3], y), r"logits have 3 channels, the loss was built for 4"),
        (lambda x, y: (x[0], y), r"logits should be floating point \(N, C, \*S\)"),
        (lambda x, y: (x.detach().long(), y), r"logits should be floating point"),
        (lambda x, y: (x, y.float()), r"target should be int64 labels, not torch.float32"),
        (lambda x, y: (x, y[:2]), r"target of shape \(2, 9, 12\) does not fit logits of shape \(3, 4, 9, 12\)"),
        (lambda x, y: (x, y[..., :-1]), r"does not fit logits"),
        (lambda x, y: (x[..., :0], y[..., :0]), r"holds no pixel"),
        (lambda x, y: (x, y + 3), r"target holds label 6, outside the classes 0 to 3"),
        (lambda x, y: (x, y - 100), r"target holds label -100, outside the classes 0 to 3"),
    ],
)
def test_wrong_input_is_refused_in_a_sentence(name: str, change: Any, sentence: str) -> None:
    case = Case(name, {})
    logits, target = sample(SHAPES["2-D"])
    given = case.maps(logits, target)
    with pytest.raises(ValueError, match=sentence):
        case.build()(*change(logits, target), given)


@pytest.mark.parametrize("name", [name for name in LOSSES if Case(name, {}).term.maps])
def test_missing_or_misshapen_map_is_refused(name: str) -> None:
    logits, target = sample(SHAPES["2-D"])
    loss, names = Case(name, {}).build(), Case(name, {}).term.maps
    with pytest.raises(ValueError, match=f"the map '{names[0]}' is missing"):
        loss(logits, target)
    with pytest.raises(ValueError, match="has shape"):
        loss(logits, target, dict.fromkeys(names, logits[..., :-1]))


@pytest.mark.parametrize("name", [name for name, row in LOSSES.items() if row.areas])
def test_class_without_training_pixel_is_named(name: str) -> None:
    areas = torch.tensor([900.0, 50, 0, 50])
    with pytest.raises(UserError, match=f"{name}: class 2 has no pixel in the training cases"):
        build(Term(loss=name), CLASSES, areas)
    with pytest.raises(UserError, match=r"class 2 \(patella\)"):
        build(Term(loss=name), CLASSES, areas, ["background", "femur", "patella", "tibia"])
    with pytest.raises(ValueError, match="needs the training areas of all 4 classes"):
        build(Term(loss=name), CLASSES, None)
    assert build(Term(loss=name, parameters={"areas": "batch"}), CLASSES, None).num_classes == CLASSES


@every_row
def test_one_class_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="at least 2 classes"):
        build(Term(loss=name), 1, torch.ones(1))
