"""Draw the pictures of the phantoms: ``python docs/phantom_pictures.py`` writes ``docs/images/phantom-*.png``."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from seggrid.phantom import HipSettings, WristSettings, fracture_radiograph, hip_volume

IMAGES = Path(__file__).resolve().parent / "images"
Grey = npt.NDArray[np.uint8]
SIDE = 230
#: Colours (blue, green, red) of the labels 1 and 2.
COLOURS = {1: (60, 60, 255), 2: (90, 220, 60)}
#: (subject, frame) of the radiographs shown: both views, a cast, a broken ulna.
WRISTS = ((2, 0), (7, 0), (2, 1), (5, 1), (0, 1), (9, 0), (11, 0), (8, 0))


def framed(image: Grey, labels: npt.NDArray[np.uint8], outlined: bool = True) -> npt.NDArray[np.uint8]:
    """A square tile of an image with the outlines of its labels."""
    tile = cv2.cvtColor(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA), cv2.COLOR_GRAY2BGR)
    seen = cv2.resize(labels, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
    for value, colour in COLOURS.items() if outlined else ():
        lines, _ = cv2.findContours((seen == value).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(tile, lines, -1, colour, 1)
    return np.asarray(tile, np.uint8)


def wrists() -> list[npt.NDArray[np.uint8]]:
    """Tiles of broken wrists."""
    drawn = (fracture_radiograph(WristSettings(size=512, views=(2, 2)), *case) for case in WRISTS)
    return [framed(image, labels) for image, labels, _ in drawn]


def hips() -> list[npt.NDArray[np.uint8]]:
    """Axial, coronal and sagittal cuts: a mild and a severe osteoarthritis."""
    tiles = []
    for width, disease in ((3.5, 0.1), (0.3, 0.9)):
        ranges = {"joint_space": (width, width), "osteophytes": (disease, disease), "deformity": (disease, disease)}
        settings = HipSettings(size=(120, 120, 120), spacing=(0.9, 0.9, 0.9), mirrored=0.0, **ranges)
        made = hip_volume(settings, 2)
        grey = np.clip((made.hu.astype(np.float32) + 200.0) * (255.0 / 1500.0), 0.0, 255.0).astype(np.uint8)
        for cut in (np.s_[74], np.s_[::-1, 60], np.s_[::-1, :, 46]):
            tiles.append(framed(np.ascontiguousarray(grey[cut]), np.ascontiguousarray(made.labels[cut])))
    return tiles


def write(name: str, tiles: list[npt.NDArray[np.uint8]], columns: int) -> None:
    """Write tiles as one picture of few colours, which keeps noise from filling the file."""
    rows = [np.hstack(tiles[first : first + columns]) for first in range(0, len(tiles), columns)]
    coarse = (np.vstack(rows) // 8) * 8
    cv2.imwrite(str(IMAGES / f"phantom-{name}.png"), coarse, [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    write("wrist", wrists(), 4)
    write("hip", hips(), 3)
