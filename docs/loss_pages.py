"""Write a reference page per loss, from its docstring and its row, with a picture of its gradient.

``python docs/loss_pages.py`` writes ``docs/reference/losses/*.md`` and ``docs/images/losses/*.png``; with ``--check``
it says which are out of date.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
import textwrap
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from seggrid.catalogue import LOSSES
from seggrid.config import Mixture
from seggrid.config.tables import parameters
from seggrid.losses import MixtureLoss

DOCS = Path(__file__).resolve().parent
PAGES, PICTURES = DOCS / "reference" / "losses", DOCS / "images" / "losses"
SIDE, ZOOM, GAP = 96, 3, 8
#: Largest mean difference in grey levels at which two pictures count as the same: rounding differs by processor.
SAME = 0.5
SECTIONS = ("Formula", "Source", "Range", "Units", "Deviations")
PICTURE = """\
One image with two objects: truth as a white outline, the prediction in grey (left), and what one step against the
gradient would do to the logit of the first object (right): up in red, down in blue, on the scale of its largest
value. The prediction of the disc is shifted to the right and has a small island at the top left; the bar below,
the second object, is predicted too thin."""

BRANCH_PICTURE = """\
One image with two objects: truth as a white outline, what the branch predicts in grey (left), and what one step
against the gradient would do to its logit (right): up in red, down in blue, on the scale of its largest value. The
branch looks where the disc would be if it lay further right, and misses the bar."""


def main(arguments: list[str]) -> int:
    """Write or check the pages and pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file is out of date")
    options = parser.parse_args(arguments)
    stale = [path for path in (*PAGES.glob("*.md"), *PICTURES.glob("*.png")) if path.stem not in LOSSES]
    for name in LOSSES:
        page, image = PAGES / f"{name}.md", PICTURES / f"{name}.png"
        text, pixels = page_of(name), picture_of(name)
        if not page.is_file() or page.read_text(encoding="utf-8") != text:
            stale.append(page)
        if not image.is_file() or not alike(cv2.imread(str(image)), pixels):
            stale.append(image)
        if not options.check:
            page.parent.mkdir(parents=True, exist_ok=True)
            image.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(text, encoding="utf-8")
            if image in stale:
                cv2.imwrite(str(image), pixels, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    for path in stale:
        if not options.check and path.stem not in LOSSES:
            path.unlink()
        state = "is out of date; run `make docs`" if options.check else "written"
        sys.stdout.write(f"{path.relative_to(DOCS.parent)} {state}\n")
    return 1 if stale and options.check else 0


def alike(first: npt.NDArray[np.uint8] | None, second: npt.NDArray[np.uint8]) -> bool:
    """Whether two pictures differ by rounding at most."""
    if first is None or first.shape != second.shape:
        return False
    return float(np.abs(first.astype(int) - second.astype(int)).mean()) <= SAME


def page_of(name: str) -> str:
    """The page of one loss."""
    row = LOSSES[name]
    summary, sections = read_docstring(row.load())
    lines = [
        f"# {name}",
        "",
        f"<!-- generated from the docstring of {row.target} by `make docs` -->",
        "",
        sentence(summary),
        "",
    ]
    for title in SECTIONS:
        text = sections[title]
        body = ["```text", text.replace("``", ""), "```"] if title == "Formula" else [sentence(text)]
        lines += [f"## {title}", "", *body, ""]
    lines += ["## Parameters", ""]
    if row.parameters:
        lines += [parameters({name: row}, "loss")]
    else:
        lines += ["None.", ""]
    needs = [*(["the class areas of the training cases"] if row.areas else []), *(f"the map `{m}`" for m in row.maps)]
    needs += [f"the map that `{row.map_parameter}` names"] if row.map_parameter else []
    needs += [f"the output `{row.auxiliary}` of the network"] if row.auxiliary else []
    lines += [f"It reads {' and '.join(needs)}.", ""] if needs else []
    lines += ["## Its gradient on one example", "", f"![Gradient of {name}](../../images/losses/{name}.png)", ""]
    lines += [
        " ".join((BRANCH_PICTURE if row.auxiliary else PICTURE).split()),
        "",
        "All losses: [Losses](../losses.md).",
    ]
    return "\n".join(lines) + "\n"


def read_docstring(loss: type) -> tuple[str, dict[str, str]]:
    """Return the summary and the text of every section of a loss' docstring."""
    text = inspect.cleandoc(loss.__doc__ or "")
    summary, _, rest = text.partition("\n")
    found = re.split(r"^(\w+):(?:[ ]|$)", rest, flags=re.MULTILINE)
    sections = {title: textwrap.dedent(f"    {body}" if title != "Args" else body).strip("\n")
                for title, body in zip(found[1::2], found[2::2], strict=True)}  # fmt: skip
    return summary, sections


def sentence(text: str) -> str:
    """A paragraph on one line, in Markdown."""
    line = " ".join(text.split()).replace("``", "`")
    return line[:1].upper() + line[1:]


def example() -> tuple[Tensor, Tensor]:
    """Logits (1, 3, H, W) and truth (1, H, W) of the picture."""
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5

    def disc(y: float, x: float, radius: float) -> npt.NDArray[np.float64]:
        return radius - np.hypot(rows - y, columns - x)

    def bar(y: float, half: float) -> npt.NDArray[np.float64]:
        return np.minimum(half - np.abs(rows - y), 34 - np.abs(columns - 48))

    truth = np.where(disc(38, 44, 20) > 0, 1, np.where(bar(78, 7) > 0, 2, 0))
    predicted = np.stack([np.zeros((SIDE, SIDE)), np.maximum(disc(38, 52, 19), disc(14, 12, 5)), bar(78, 4)])
    logits = torch.from_numpy(np.clip(predicted / 1.5, -6, 6)).float()[None]
    return logits.requires_grad_(), torch.from_numpy(truth)[None].long()


def picture_of(name: str) -> npt.NDArray[np.uint8]:
    """Truth and prediction beside minus the gradient on the logit of object 1, (H, W, 3) blue, green, red."""
    logits, target = example()
    areas = torch.bincount(target.flatten(), minlength=3).double()
    loss = MixtureLoss(Mixture.model_validate(name), ["disc", "bar"], areas)
    output = LOSSES[name].auxiliary
    if output:
        # High along the border of the predicted disc.
        branch = (3 - 1.5 * logits.detach()[:, 1:2].abs()).requires_grad_()
        (gradient,) = torch.autograd.grad(loss(logits, target, auxiliary={output: branch})[0], branch)
        likely, step = branch.detach().sigmoid()[0, 0].numpy(), -gradient[0, 0].numpy()
    else:
        (gradient,) = torch.autograd.grad(loss(logits, target)[0], logits)
        likely, step = 1 - logits.detach().softmax(1)[0, 0].numpy(), -gradient[0, 1].numpy()
    left = enlarge(np.repeat((200 * likely)[..., None], 3, 2))
    share = step / max(float(np.abs(step).max()), 1e-30)
    down, up = np.clip(-share, 0, 1)[..., None], np.clip(share, 0, 1)[..., None]
    right = enlarge(255 - down * np.array([35, 155, 225]) - up * np.array([225, 185, 40]))
    for label in (1, 2):
        mask = enlarge((255 * (target[0].numpy() == label))[..., None]).astype(np.uint8)
        outline, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(left, outline, -1, (255, 255, 255), 1)
        cv2.drawContours(right, outline, -1, (90, 90, 90), 1)
    gap = np.full((left.shape[0], GAP, 3), 255.0)
    joined: npt.NDArray[np.uint8] = np.rint(np.hstack([left, gap, right])).astype(np.uint8)
    return joined


def enlarge(image: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Repeat every pixel; contiguous, as OpenCV draws on it."""
    return np.ascontiguousarray(image.astype(np.float64).repeat(ZOOM, 0).repeat(ZOOM, 1))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
