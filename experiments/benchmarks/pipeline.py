"""Pictures a second on one core: the training pipeline beside a plain loop of OpenCV, in one run.

    python experiments/benchmarks/pipeline.py [--rounds 20] [--coco ../shared/data/coco]

The plain loop decodes a picture, turns and scales it into a crop of 368 pixels with `cv2.warpAffine`, and does nothing
else: the least that any pipeline does. Ours also finds the person to cut around, moves joints, renders what is valid,
draws occluders (some of them pieces of a second picture, decoded for that) and changes colours as configured. Both
work on the same pictures, one batch of 10 each in turn, with OpenCV kept to one thread; medians of processor time.
Pictures are COCO's training part (WebP, and the same as JPEG) or, without its folder, made up (JPEG of 640x480). The
last rows are mosaics, and clips of 8 frames, counted in frames.
"""

import argparse
import json
import statistics
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from jaxpose.data.config import ClipConfig, ColorConfig, CropConfig, MosaicConfig, OccluderConfig
from jaxpose.data.examples import Example
from jaxpose.data.pipeline import Batches
from jaxpose.data.placement import Placement, matrix
from jaxpose.records import NO_ID
from jaxpose.skeletons import BODY_25, COCO_17

BATCH, CROP, COUNT = 10, 368, 400
COLORS = ColorConfig(brightness=0.2, contrast=0.3, saturation=0.4, hue=20.0, grey=0.1, blur=0.1, noise=0.1, jpeg=0.1)
CONFIGS = {
    "published": CropConfig(),
    "without occluders": CropConfig(occluders=OccluderConfig(most=0)),
    "with colours": CropConfig(color=COLORS),
    "mosaics": CropConfig(mosaic=MosaicConfig(share=1.0)),
    "clips of 8": CropConfig(clip=ClipConfig(frames=8)),
}


class Pictures:
    """Examples in memory."""

    skeleton, labels = COCO_17, frozenset(COCO_17.joints)

    def __init__(self, examples: list[Example]) -> None:
        self.examples = examples

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> Example:
        return self.examples[index]


def of_coco(folder: Path) -> Pictures:
    """The first pictures of COCO's training part that have people, as they are stored."""
    listed = json.loads((folder / "train.json").read_text())
    people: dict[int, list[dict[str, object]]] = {}
    for annotation in listed["annotations"]:
        if annotation["num_keypoints"]:
            people.setdefault(annotation["image_id"], []).append(annotation)
    examples = []
    with zipfile.ZipFile(folder / "train.zip") as archive:
        members = {Path(name).name: name for name in archive.namelist()}
        for entry in [entry for entry in listed["images"] if entry["id"] in people][:COUNT]:
            name, found = entry["file_name"], people[entry["id"]]
            keypoints = np.array([each["keypoints"] for each in found], np.float32).reshape(-1, 17, 3)
            boxes = np.array([each["bbox"] for each in found], np.float32)
            ids = np.full(len(found), NO_ID)
            examples.append(Example(archive.read(members[name]), keypoints, boxes, ids, (), name, 0))
    return Pictures(examples)


def made_up() -> Pictures:
    """Smooth pictures with some grain, as photographs compress, and one person each."""
    rng = np.random.default_rng(0)
    examples = []
    for number in range(40):
        coarse = cv2.resize(rng.integers(0, 256, (30, 40, 3), np.uint8), (640, 480), interpolation=cv2.INTER_CUBIC)
        noisy = np.clip(coarse + rng.normal(0, 6, coarse.shape), 0, 255).astype(np.uint8)
        keypoints = np.concatenate([rng.uniform((200, 100), (400, 400), (1, 17, 2)), np.full((1, 17, 1), 2)], axis=-1)
        box = np.array([[200, 100, 200, 300]], np.float32)
        data = cv2.imencode(".jpg", noisy)[1].tobytes()
        examples.append(Example(data, keypoints.astype(np.float32), box, np.full(1, NO_ID), (), str(number), 0))
    return Pictures(examples)


def as_jpeg(pictures: Pictures) -> Pictures:
    """The same, coded anew."""
    examples = []
    for example in pictures.examples:
        pixels = cv2.imdecode(np.frombuffer(example.image, np.uint8), cv2.IMREAD_COLOR)
        examples.append(example._replace(image=cv2.imencode(".jpg", pixels)[1].tobytes()))
    return Pictures(examples)


def plain(examples: list[Example], rng: np.random.Generator) -> np.ndarray:
    """Decode and warp, picture by picture."""
    crops = []
    for example in examples:
        pixels = cv2.imdecode(np.frombuffer(example.image, np.uint8), cv2.IMREAD_COLOR)
        h, w = pixels.shape[:2]
        middle = (CROP - 1) / 2
        at = Placement(w / 2, h / 2, middle, middle, rng.uniform(0.3, 1.0), rng.uniform(-45, 45), False)
        crops.append(cv2.warpAffine(pixels, matrix(at), (CROP, CROP)))
    return np.stack(crops)


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def measure(name: str, pictures: Pictures, rounds: int) -> None:
    """Print the rows of one kind of pictures."""
    order = np.random.default_rng(1)
    rows = {label: Batches([(pictures, 1.0)], BODY_25, config, batch=BATCH) for label, config in CONFIGS.items()}
    frames = {label: BATCH * config.clip.frames for label, config in CONFIGS.items()}
    times: dict[str, list[float]] = {label: [] for label in ("plain", *rows)}
    for number in range(rounds):
        chosen = [pictures[int(index)] for index in order.integers(len(pictures), size=BATCH)]
        times["plain"].append(seconds(lambda chosen=chosen: plain(chosen, order)) / BATCH)
        for label, batches in rows.items():
            times[label].append(seconds(lambda b=batches, n=number: b[n]) / frames[label])
    base = statistics.median(times["plain"])
    for label, each in times.items():
        median = statistics.median(each)
        print(
            f"{name:12} {label:18} {1e3 * median:7.2f} ms {1 / median:7.0f} a second {base / median:6.2f}x", flush=True
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20, help="batches of each kind")
    default = Path(__file__).parents[3] / "shared" / "data" / "coco"
    parser.add_argument("--coco", type=Path, default=default, help="folder of train.json and train.zip")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    kinds = {"made up": made_up()}
    if arguments.coco.is_dir():
        coco = of_coco(arguments.coco)
        kinds = {"COCO, WebP": coco, "COCO, JPEG": as_jpeg(coco)}
    for name, pictures in kinds.items():
        measure(name, pictures, arguments.rounds)


if __name__ == "__main__":
    main()
