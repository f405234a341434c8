"""Images a second of ``seggrid predict`` beside a bare loop.

``python benchmarks/prediction.py``: 200 phantom radiographs of 256x256 and of 1024x1024, as PNG, as DICOM, and as PNG
of two sizes in turn. The bare loop reads with the same library, standardises, forwards with the same network on as
many threads, takes the largest class and writes a PNG: no journal, no areas, no check, nothing read ahead, and no
DICOM segmentation. Both build the network and load its weights. In turn; medians of the wall time and of the
processor's.

The images are ten radiographs of the phantom, each shifted; those of 1024x1024 are enlarged and have noise of their
own, for drawing 200 of that size takes a quarter of an hour.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid
from safetensors.torch import load_file, save_file

from seggrid.config import parse_experiment
from seggrid.config.phantom import KneeSettings
from seggrid.data.preprocess import preprocess
from seggrid.inference.model import Model, open_model
from seggrid.networks import build_network, place
from seggrid.paths import DataFolder, RunFolder
from seggrid.phantom import PHANTOM_CLASSES, radiograph
from seggrid.plan import make_plan
from seggrid.prediction.stage import predict_files
from seggrid.specification import read_data, read_run
from timing import hardware

DISTINCT = 10
Pixels = npt.NDArray[np.uint8]


def draw(images: int, side: int) -> Iterator[Pixels]:
    """Radiographs of the phantom, shifted and, where they are larger than 256, enlarged."""
    settings = KneeSettings(subjects=DISTINCT, frames=1, size=256)
    drawn = [radiograph(settings, number, 0).image for number in range(DISTINCT)]
    for number in range(images):
        image = np.roll(drawn[number % DISTINCT], number, axis=1)
        if side != 256:
            noise = np.random.default_rng(number).normal(0, 2, (side, side))
            image = np.clip(cv2.resize(image, (side, side)) + noise, 0, 255).astype(np.uint8)
        yield image


def write_dicom(path: Path, pixels: Pixels) -> None:
    """Write a radiograph as it comes from a detector: 12 of 16 bit, uncompressed."""
    found = Dataset()
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    found.SOPClassUID = DigitalXRayImageStorageForPresentation
    found.SOPInstanceUID, found.StudyInstanceUID, found.SeriesInstanceUID = (generate_uid() for _ in range(3))
    found.Rows, found.Columns, found.SamplesPerPixel = *pixels.shape, 1
    found.BitsAllocated, found.BitsStored, found.HighBit, found.PixelRepresentation = 16, 12, 11, 0
    found.PhotometricInterpretation, found.ImagerPixelSpacing = "MONOCHROME2", [0.2, 0.2]
    found.PixelData = (pixels.astype(np.uint16) * 16).tobytes()
    dcmwrite(path, found, enforce_file_format=True)


def write_images(folder: Path, kind: str, images: int, side: int) -> list[Path]:
    """Write the images of one kind, or of two sizes in turn."""
    folder.mkdir()
    for number, image in enumerate(draw(images, side)):
        path = folder / f"{number:03d}.{kind.removesuffix(' of 2 sizes')}"
        if kind == "dcm":
            write_dicom(path, image)
        else:
            cv2.imwrite(str(path), image[:, : side * 3 // 4] if kind != "png" and number % 2 else image)
    return sorted(folder.iterdir())


def make_model(network: str) -> Model:
    """A run with random weights on a small phantom."""
    found = {
        "data": {"source": "phantom", "knee": {"subjects": 8, "frames": 1, "size": 64, "style": "ellipses"}},
        "preprocessing": ["z_score"],
        "splits": {"folds": 4},
        "networks": [network],
        "mixtures": ["ce"],
    }
    plan = make_plan(parse_experiment({"name": "bench", **found}, "bench"), [])
    plan.write()
    preprocess(read_data(plan.data_id), DataFolder(plan.data_id), 1)
    run_id = plan.runs[0].run_id
    torch.manual_seed(0)
    weights = build_network(read_run(run_id).network, 1, len(PHANTOM_CLASSES["knee"]) + 1).state_dict()
    save_file(weights, RunFolder(run_id).model)
    return open_model(run_id)


@torch.inference_mode()
def bare_loop(model: Model, files: list[Path], out: Path, device: torch.device) -> None:
    """Read, standardise, forward, write."""
    out.mkdir()
    ((spec, weights),) = model.members
    torch.set_num_threads(spec.training.threads)
    built = build_network(spec.network, 1, len(PHANTOM_CLASSES["knee"]) + 1)
    built.load_state_dict(load_file(weights))
    network = place(built, device, spec.training.channels_last).eval()
    for file in files:
        if file.suffix == ".dcm":
            pixels: npt.NDArray[Any] = dcmread(file).pixel_array
        else:
            pixels = np.asarray(cv2.imread(str(file), cv2.IMREAD_UNCHANGED))
        image = pixels.astype(np.float32)
        image = (image - image.mean()) / image.std()
        mask = network(torch.from_numpy(image)[None, None].to(device)).argmax(1)[0].to(torch.uint8).cpu().numpy()
        cv2.imwrite(str(out / f"{file.stem}.png"), mask)


def seconds(work: Callable[[Path], object]) -> tuple[float, float]:
    """Wall and processor time of one call into a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        wall, processor = time.perf_counter(), time.process_time()
        work(Path(folder) / "out")
        return time.perf_counter() - wall, time.process_time() - processor


def compare(model: Model, files: list[Path], rounds: int, device: torch.device) -> str:
    """A line of the table."""
    ways = {
        "ours": lambda out: predict_files(model, [files[0].parent], out, overlays=False, device=device.type),
        "bare": lambda out: bare_loop(model, files, out, device),
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name in list(ways)[:: 1 if number % 2 else -1]:
            measured = seconds(ways[name])
            if number:  # the first warms up
                times[name].append(measured)
    (ours, ours_cpu), (bare, bare_cpu) = (
        (statistics.median(column) for column in zip(*times[name], strict=True)) for name in ways
    )
    return (
        f"{len(files) / ours:>8.2f}{len(files) / bare:>8.2f}{bare / ours:>8.2f}"
        f"{1e3 * ours_cpu / len(files):>10.1f}{1e3 * bare_cpu / len(files):>10.1f}{bare_cpu / ours_cpu:>8.2f}"
    )


def main() -> None:
    """Print the hardware and a line a kind of image."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--network", default="UNet_MobileNetV3s")
    parser.add_argument("--sides", type=int, nargs="+", default=[256, 1024])
    options = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as name:
        os.environ["SEGGRID_RESULTS"] = str(Path(name) / "results")
        model = make_model(options.network)
        print(f"{hardware()}\n{options.network}, {options.images} images; images/s, processor ms an image, ratios")
        print(f"{'':<18}{'ours':>8}{'bare':>8}{'ratio':>8}{'ours ms':>10}{'bare ms':>10}{'ratio':>8}")
        for side in options.sides:
            for kind in ("png", "dcm", "png of 2 sizes"):
                files = write_images(Path(name) / f"{side} {kind}", kind, options.images, side)
                print(f"{side} {kind:<13}", compare(model, files, options.rounds, device), flush=True)


if __name__ == "__main__":
    main()
