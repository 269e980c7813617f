"""Published weights by name: where they lie, how large they are, what they check against, under which licence.

Data only, and light, so that a command line can show it. `weights.fetching` downloads what is listed here, `models`
imports it. A digest is a sha256 (64 hexadecimal digits) or a sha384 (96): its length tells which.
"""

import dataclasses
import difflib

from jaxpose.errors import FetchError


@dataclasses.dataclass(frozen=True)
class PublishedFile:
    """One file to download; nothing is used before its digest is right."""

    url: str
    digest: str
    size: int | None = None  # bytes, where it is known

    @property
    def name(self) -> str:
        """What it is called on disk: importers go by its end, and by files of one name belonging together."""
        return self.url.rsplit("/", 1)[1]


@dataclasses.dataclass(frozen=True)
class Published:
    """Weights that can be had under a name; those without files come with the package."""

    name: str
    architecture: str  # a name that `models` knows, perhaps in a later version
    skeleton: str
    licence: str
    files: tuple[PublishedFile, ...] = ()  # the one to import first
    note: str = ""  # what to know when the download fails

    @property
    def size_bytes(self) -> int | None:
        """Of all files together, unless the size of one is not known."""
        sizes = [file.size for file in self.files if file.size is not None]
        return sum(sizes) if len(sizes) == len(self.files) else None


# Sizes and digests: openvinotoolkit/open_model_zoo, models/intel/human-pose-estimation-0001/model.yml, of the last
# release for FP32 and FP16 (sha384), of release 2021.4 for FP16-INT8 (sha256), which later releases do not have.
_ZOO = "https://storage.openvinotoolkit.org/repositories/open_model_zoo"
_HPE = "human-pose-estimation-0001"

# Addresses: CMU-Perceptual-Computing-Lab/openpose, models/getModels.sh since August 2024. Its CMakeLists.txt has an MD5
# of each; the sha256 and sizes are from copies of the same files: body_25's from records that give that MD5 beside it;
# coco's from the Git LFS pointer in foss-for-synopsys-dwc-arc-processors/synopsys-caffe-models; those of mpi and face
# from Hugging Face's camenduru/openpose; mpi's size, and the hand's, from the manifest of a release that contains both.
_OPENPOSE = "http://vcl.snu.ac.kr/OpenPose/models"
_OPENPOSE_LICENCE = "OpenPose's own: academic or non-profit, non-commercial research only"
_OPENPOSE_NOTE = (
    "OpenPose's first server, posefs1.perception.cs.cmu.edu, is dead; its GitHub issue 1602 has other places"
)
_MPI = PublishedFile(
    f"{_OPENPOSE}/pose/mpi/pose_iter_160000.caffemodel",
    "2ea61d8549a3386972ba9a310468f961e7157d94c5ee2529a51b3901bb82ee21",
    205950363,
)


def _zoo(name: str, place: str, xml: tuple[str, int], constants: tuple[str, int]) -> Published:
    url = f"{_ZOO}/{place}/{_HPE}"
    files = PublishedFile(f"{url}.xml", *xml), PublishedFile(f"{url}.bin", *constants)
    return Published(name, "lightweight-openpose", "coco_18", "Apache-2.0", files)


def _openpose(name: str, skeleton: str, file: PublishedFile) -> Published:
    return Published(name, name, skeleton, _OPENPOSE_LICENCE, (file,), _OPENPOSE_NOTE)


PUBLISHED = (
    Published("hrnet-lite", "hrnet-lite", "coco_19", "Apache-2.0, trained on research data (NOTICE.md)"),
    Published("movenet-multipose", "movenet-multipose", "coco_17", "Apache-2.0"),
    Published("movenet-thunder", "movenet-thunder", "coco_17", "Apache-2.0"),
    Published("openpose-lite", "openpose-lite", "body_21a", "Apache-2.0, trained on research data (NOTICE.md)"),
    Published("staf-lite", "staf-lite", "body_21a", "Apache-2.0, trained on research data (NOTICE.md)"),
    _zoo(
        _HPE,
        f"2023.0/models_bin/1/{_HPE}/FP32",
        ("64e24ceca496aba4fb818edbea7c3a1405bc42c3166eac1b4be4f6cc89623c80cb9a1fd4c32d245d423653aa588e1a0b", 152120),
        ("64ef06d261ae522409172a396d927f7345525dbde011e3e2bff487f73e7b1d8cf622091feba9c23c7d4625c0aab0a3e5", 16394708),
    ),
    _zoo(
        f"{_HPE}-fp16",
        f"2023.0/models_bin/1/{_HPE}/FP16",
        ("cffe8df7d053b9cbf858a21faa32e30cb8a645416e9ee4ce3fbcc3106094505477d66a06b7e46d6ddb9c2de4b0cee319", 218215),
        ("dabb7be42c5be008de354c6670aa8291c2d18e59f18a1c138df9b5200929a03c1e323930a1d21ecff69d3f06007de67c", 8197354),
    ),
    _zoo(
        f"{_HPE}-fp16-int8",
        f"2021.4/models_bin/3/{_HPE}/FP16-INT8",
        ("581b082e749848fdfc6d4b4b70e8189c3c2bae1c2d59c6b2c1a026a5471754e3", 426156),
        ("df2a9f41f15c3a0c8a0c5a704650338a3cc5c7bb588f2bfc14ea7093fa37b446", 4170034),
    ),
    _openpose(
        "openpose-body25",
        "body_25",
        PublishedFile(
            f"{_OPENPOSE}/pose/body_25/pose_iter_584000.caffemodel",
            "44e3d7ebd8c8b62d4366d67127f1b562611a9e8fd0f4f3cdeeb4bb4a6ed12be6",
            104715850,
        ),
    ),
    _openpose(
        "openpose-coco",
        "coco_18",
        PublishedFile(
            f"{_OPENPOSE}/pose/coco/pose_iter_440000.caffemodel",
            "b4cf475576abd7b15d5316f1ee65eb492b5c9f5865e70a2e7882ed31fb682549",
            209274056,
        ),
    ),
    _openpose("openpose-mpi", "mpi_15", _MPI),
    _openpose("openpose-mpi4", "mpi_15", _MPI),  # the first four stages of the same file
    _openpose(
        "openpose-hand",
        "hand_21",
        PublishedFile(
            f"{_OPENPOSE}/hand/pose_iter_102000.caffemodel",
            "f313aa5ef031ac91606e1a0383daa14be241a6e1a91c1155283dd28503c79c2d",
            147344024,
        ),
    ),
    _openpose(
        "openpose-face",
        "face_70",
        PublishedFile(
            f"{_OPENPOSE}/face/pose_iter_116000.caffemodel",
            "a60d12d5216fae25fbe605db317a75e6f9dc797a2eed0d23577b21cda8aa3510",
        ),
    ),
)
"""All weights that are known by name."""


def find(name: str) -> Published:
    """The published weights of that name; `FetchError` names the nearest if there are none."""
    known = {published.name: published for published in PUBLISHED}
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, known, 1, 0.4)
    told = f"did you mean {close[0]!r}?" if close else "`jaxpose models` lists them"
    raise FetchError(f"no published weights named {name!r} are known: {told}")
