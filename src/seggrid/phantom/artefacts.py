"""What lies on a radiograph besides the subject: another limb, the collimator's border, a side marker."""

import cv2
import numpy as np
import numpy.typing as npt

from seggrid.phantom.contact import Vector
from seggrid.phantom.sampling import Collimation
from seggrid.phantom.shapes import Field


def other_limb(rng: np.random.Generator, size: int, spacing: float, thickness: float = 1.0) -> Field:
    """Attenuation (size, size) of another limb behind: soft tissue with a blurred shaft in it; 1 is a leg's."""
    radius, bone = rng.uniform(40.0, 65.0) * thickness, rng.uniform(11.0, 15.0) * thickness
    angle, offset = np.deg2rad(rng.uniform(-70.0, 70.0)), rng.uniform(30.0, 110.0)
    index = (np.arange(size) - 0.5 * (size - 1)) * spacing
    across = index[None, :] * np.cos(angle) + index[:, None] * np.sin(angle) + offset
    soft = _chord(across, radius)
    shell = np.sqrt(np.maximum(bone**2 - across**2, 0.0)) - np.sqrt(
        np.maximum((bone - 4.0 * thickness) ** 2 - across**2, 0)
    )
    attenuation = rng.uniform(0.3, 1.0) * (0.012 * soft + 0.03 * shell)
    return np.asarray(cv2.GaussianBlur(attenuation.astype(np.float32), (0, 0), 2.5 / spacing), np.float32)


def _chord(offset: Vector, radius: float) -> Vector:
    """Half the chord of a circle at an offset from its centre."""
    return np.sqrt(np.maximum(radius**2 - offset**2, 0.0))


def collimated(image: Field, field: Collimation, rng: np.random.Generator) -> tuple[Field, Field]:
    """Paint the border; return the image and the share of each pixel that lies inside the field."""
    if field.border is None:
        return image, np.ones_like(image)
    grid: Vector = np.indices(image.shape).astype(np.float64)
    inside = np.clip(field.margin(grid[0], grid[1]) / rng.uniform(0.7, 2.5) + 0.5, 0.0, 1.0).astype(np.float32)
    return image * inside + np.float32(field.border) * (1.0 - inside), inside


def mark(image: Field, labels: npt.NDArray[np.uint8], rng: np.random.Generator, left: bool) -> Field:
    """Put a lead letter, L or R, in the corner that shows least of the subject."""
    size = image.shape[0]
    height = float(rng.uniform(0.05, 0.1)) * size
    scale = height / 22.0
    reach = int(0.22 * size)
    corners = [(r, c) for r in (0, size - reach) for c in (0, size - reach)]
    busy = [
        float((labels[r : r + reach, c : c + reach] > 0).mean() + 0.2 * image[r : r + reach, c : c + reach].mean())
        for r, c in corners
    ]
    row, column = corners[int(np.argmin(busy))]
    at = (int(column + rng.uniform(0.05, 0.4) * reach), int(row + rng.uniform(0.5, 0.9) * reach))
    canvas = np.zeros(image.shape, np.uint8)
    thickness = max(1, round(scale * float(rng.uniform(1.5, 3.5))))
    cv2.putText(canvas, "L" if left else "R", at, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thickness, cv2.LINE_AA)
    lead = canvas.astype(np.float32) / 255.0
    return np.asarray(image * (1.0 - lead) + float(rng.uniform(0.7, 1.0)) * lead, dtype=np.float32)
