"""How far our network's maps and poses are from OpenVINO's, on the four COCO fixture pictures.

    python experiments/openvino_reference.py runs/openvino    # in an environment with openvino
    python experiments/parity.py runs/openvino                # here

Prints the largest difference of every map against the float network and against the INT8 file as published, then OKS
person by person (COCO's form: over the joints labelled, the object's area) for both sets of maps under our decoding,
and the mean over the people that either finds with OKS above 0.1.
"""

import argparse
import json
import os
from pathlib import Path

import jax
import numpy as np

from jaxpose.association.config import ParserConfig
from jaxpose.association.parsing import parse
from jaxpose.fields.candidates import find_candidates
from jaxpose.fields.config import DecodeConfig
from jaxpose.geometry import fit_input, to_source
from jaxpose.records import Candidates
from jaxpose.skeletons import COCO_17, COCO_18, convert
from jaxpose.systems.openpose.importing import lightweight_params
from jaxpose.systems.openpose.lightweight import STRIDE, LightweightOpenPose
from jaxpose.weights.openvino import read_graph

DATA = Path(os.environ.get("JAXPOSE_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))


def people(heatmaps: np.ndarray, pafs: np.ndarray) -> np.ndarray:
    """COCO-17 poses [p, 17, 3], in the network's pixels, of one picture's maps."""
    found = find_candidates(heatmaps[None], pafs[None], COCO_18.limbs, len(COCO_18.joints), STRIDE, DecodeConfig())
    one = Candidates(*(np.asarray(field)[0] for field in found))
    keypoints, _ = parse(one, COCO_18, ParserConfig())
    return convert(keypoints, COCO_18, COCO_17)


def object_oks(truth: np.ndarray, area: float, found: np.ndarray) -> float:
    """COCO's OKS of the best of `found` [p, 17, 3] for one labelled person [17, 3]."""
    labelled = truth[:, 2] > 0
    best = 0.0
    for pose in found:
        squared = ((pose[labelled, :2] - truth[labelled, :2]) ** 2).sum(1)
        each = np.exp(-squared / (2 * area * (2 * np.array(COCO_17.sigmas)[labelled]) ** 2))
        best = max(best, float((each * (pose[labelled, 2] > 0)).mean()))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("maps", type=Path)
    folder = parser.parse_args().maps
    params = lightweight_params(read_graph(DATA / "teachers" / "human-pose-estimation-0001.xml"))
    apply = jax.jit(lambda params, image: LightweightOpenPose().apply({"params": params}, image[None])[-1])
    labels = json.loads((DATA / "coco_fixtures" / "coco" / "test_coco.json").read_text())
    rows = []
    for picture in labels["images"]:
        stem = Path(picture["file_name"]).stem
        theirs = {kind: np.load(folder / f"{kind}_{stem}.npz") for kind in ("float", "int8")}
        ours = apply(params, theirs["float"]["image"])
        differences = {
            kind: [
                np.abs(np.asarray(field)[0] - maps[name]).max() for name, field in zip(ours._fields, ours, strict=True)
            ]
            for kind, maps in theirs.items()
        }
        text = ", ".join(f"{kind}: heatmaps {h:.4f} pafs {p:.4f}" for kind, (h, p) in differences.items())
        print(f"{stem}  largest difference to {text}")
        fit = fit_input(picture["width"], picture["height"], 656, STRIDE)
        found = {"ours": people(*(np.asarray(field)[0] for field in ours))}
        found["int8"] = people(theirs["int8"]["heatmaps"], theirs["int8"]["pafs"])
        for poses in found.values():
            poses[..., :2] = to_source(poses[..., :2], fit)
        for person in labels["annotations"]:
            truth = np.array(person["keypoints"], float).reshape(17, 3)
            if person["image_id"] == picture["id"] and (truth[:, 2] > 0).any():
                rows.append([object_oks(truth, person["area"], poses) for poses in found.values()])
                print(f"  person of {person['area']:8.0f} px: OKS ours {rows[-1][0]:.3f}, INT8 {rows[-1][1]:.3f}")
    table = np.array(rows)
    matched = table[table.max(1) > 0.1]
    ours_mean, int8_mean = matched.mean(0)
    print(f"{len(table)} people, {len(matched)} matched: mean OKS ours {ours_mean:.4f}, INT8 {int8_mean:.4f}")
    print(f"difference of the means {abs(ours_mean - int8_mean):.4f} (to stay below 0.03)")


if __name__ == "__main__":
    main()
