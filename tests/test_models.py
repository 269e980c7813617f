"""Models by name: import, load, refuse."""

import dataclasses
import functools
from pathlib import Path

import caffe_models
import jax
import numpy as np
import pytest

from jaxpose import models
from jaxpose.architectures import ARCHITECTURES
from jaxpose.association.config import IdentityConfig, ParserConfig
from jaxpose.cli.openpose import OpenPoseOptions
from jaxpose.errors import (
    JaxposeWarning,
    NonFiniteError,
    OptionError,
    OutputError,
    UnknownModelError,
    WeightsError,
)
from jaxpose.fields.config import ExactConfig
from jaxpose.systems.movenet.config import PoseConfig
from jaxpose.systems.openpose.config import SearchConfig
from jaxpose.systems.openpose.estimator import OpenPose
from jaxpose.systems.openpose.search import SearchingOpenPose
from jaxpose.systems.staf.config import StafLiteConfig
from jaxpose.systems.staf.tracker_config import TrackerConfig
from jaxpose.weights import store
from jaxpose.weights.default import DEFAULT
from jaxpose.weights.store import Card


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def use_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAXPOSE_HOME", str(home))


@pytest.fixture(scope="module")
def imported(shared_data: Path, home: Path) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXPOSE_HOME", str(home))
        models.import_file(shared_data / "teachers" / "human-pose-estimation-0001.xml", "hpe")
    return "hpe"


def test_an_imported_model_is_there_with_its_origin(imported: str, shared_data: Path) -> None:
    assert models.names() == [*store.packaged(), imported]
    card = models.card(imported)
    assert card.architecture == "lightweight-openpose"
    assert card.config["skeleton"] == "coco_18"
    assert "Apache-2.0" in card.provenance["licence"]
    assert len(card.provenance["sha256 of its weights"]) == 64
    xml = shared_data / "teachers" / "human-pose-estimation-0001.xml"
    with pytest.raises(OutputError, match="exists already"):
        models.import_file(xml, imported)
    models.import_file(xml, imported, "lightweight-openpose", overwrite=True)


def test_unknown_names_suggest_the_nearest(imported: str) -> None:
    with pytest.raises(UnknownModelError, match="no model named 'hpee': did you mean 'hpe'"):
        models.load("hpee")
    with pytest.raises(UnknownModelError, match=f"there are {', '.join(store.packaged())}, hpe"):
        models.load("zzzzzzzz")


def test_the_default_is_packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAXPOSE_HOME", str(tmp_path))
    assert models.names() == store.packaged()
    assert DEFAULT in models.names()
    card = models.card(DEFAULT)
    assert card.architecture == "movenet-multipose"
    assert card.provenance["licence"] == "Apache-2.0"
    assert len(card.provenance["sha256 of its weights"]) == 64
    assert "Google" in (store.PACKAGED / "NOTICE.md").read_text()
    assert store.path_of(DEFAULT).stat().st_size <= 9.6e6
    assert models.load(size=64).skeleton.name == "coco_17"


def test_a_packaged_model_is_never_replaced() -> None:
    params, card = store.load(store.path_of(DEFAULT))
    with pytest.raises(OutputError, match="comes with the package: choose another name"):
        store.save(DEFAULT, params, card, overwrite=True)


def test_a_damaged_packaged_model_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray(store.path_of(DEFAULT).read_bytes())
    monkeypatch.setattr(store, "PACKAGED", tmp_path)
    path = tmp_path / f"{DEFAULT}.safetensors"
    content[-1000] ^= 1  # a single bit of an array
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="its arrays do not have their checksum; install or import it again"):
        models.load()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(WeightsError, match="is damaged or no weight file"):
        models.load()
    path.unlink()
    with pytest.raises(UnknownModelError, match=f"{DEFAULT} is missing from the package: install jaxpose again"):
        models.load()


def test_a_detector_of_a_packaged_network(shared_data: Path) -> None:
    import cv2

    picture = cv2.imread(str(shared_data / "coco_fixtures" / "coco" / "000000196141.jpg"))[..., ::-1]
    (boxes,) = models.detector(size=320, min_score=0.2)([picture])
    assert boxes.total >= 2
    assert (boxes.scores >= 0.2).all()
    height, width = picture.shape[:2]
    assert (boxes.boxes[:, :2] + boxes.boxes[:, 2:] <= [width - 0.5, height - 0.5]).all()


def test_weights_of_a_kind_that_no_importer_reads(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"are read from a \.xml or .* or \.safetensors file"):
        models.import_file(tmp_path / "x.onnx", "x")
    with pytest.raises(WeightsError, match=r"weights of movenet-multipose are read from a \.json file"):
        models.import_file(tmp_path / "x.xml", "x", "movenet-multipose")


def test_unknown_architectures(shared_data: Path) -> None:
    xml = shared_data / "teachers" / "human-pose-estimation-0001.xml"
    with pytest.raises(WeightsError, match="did you mean 'lightweight-openpose'"):
        models.import_file(xml, "x", "lightweight")
    store.save("other", {}, Card("resnet", {}, {}), overwrite=True)
    with pytest.raises(WeightsError, match="other is a resnet, which this version does not know"):
        models.load("other")
    store.save("other", {}, Card("lightweight-openpose", {"depth": 1}, {}), overwrite=True)
    with pytest.raises(WeightsError, match="a config that this version does not know"):
        models.load("other")
    store.save("other", {"a": np.ones(1)}, Card("lightweight-openpose", {}, {}), overwrite=True)
    with pytest.raises(WeightsError, match="do not fit their network"):
        models.load("other")
    store.path_of("other").unlink()


def test_files_of_other_networks_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    path.write_text('<net name="x"><layers><layer id="0" name="in" type="Parameter"/></layers><edges></edges></net>')
    path.with_suffix(".bin").write_bytes(b"")
    with pytest.raises(WeightsError, match="none of the known networks"):
        models.import_file(path, "x")
    with pytest.raises(WeightsError, match="not the lightweight OpenPose network"):
        models.import_file(path, "x", "lightweight-openpose")


def test_nan_weights_are_told(imported: str, home: Path) -> None:
    params, card = store.load(store.path_of(imported))
    params["backbone"]["stem"]["kernel"][0, 0, 0, 0] = np.nan
    store.save("nan", params, card, overwrite=True)
    tracker = models.load("nan", size=64)
    with pytest.raises(NonFiniteError, match="NaN or infinity"):
        list(tracker.track([np.zeros((64, 64, 3), np.uint8)] * 3))
    store.path_of("nan").unlink()


def test_max_people_keeps_the_most_prominent(imported: str, shared_data: Path) -> None:
    import cv2

    picture = cv2.imread(str(shared_data / "coco_fixtures" / "coco" / "000000196141.jpg"))[..., ::-1]
    everyone = models.load(imported)
    few = models.load(imported, max_people=2)
    frames = [picture] * 4
    assert all(p.keypoints.shape[0] > 2 for p in everyone.track(frames))
    assert [p.keypoints.shape[0] for p in few.track(frames)] == [2] * 4
    with pytest.raises(ValueError, match="`max_people` must be at least 1, got 0"):
        models.load(imported, max_people=0)
    with pytest.raises(ValueError, match="`size` must be at least the network's stride 8, got 5"):
        models.load(imported, size=5)


def test_too_many_peaks_are_reported_once(imported: str) -> None:
    params, card = store.load(store.path_of(imported))
    head = params["refinement_0_heads"]["heatmaps"]
    rng = np.random.default_rng(0)
    head["kernel"][:] = rng.normal(0, 1, head["kernel"].shape)  # noise everywhere: hundreds of peaks
    store.save("noisy", params, card, overwrite=True)
    tracker = models.load("noisy", size=512)
    images = [rng.integers(0, 256, (512, 512, 3), np.uint8) for _ in range(3)]
    with pytest.warns(JaxposeWarning, match="only the best 64 of a joint are used") as caught:
        list(tracker.track(images))
    assert len([w for w in caught if w.category is JaxposeWarning]) == 1
    store.path_of("noisy").unlink()


@pytest.mark.parametrize("release", ["body_25", "hand_21"])
def test_openposes_own_networks_are_recognised(release: str, tmp_path: Path) -> None:
    weights = caffe_models.random_weights(caffe_models.graph(release))
    path = tmp_path / "pose.caffemodel"
    path.write_bytes(caffe_models.caffemodel(weights))
    models.import_file(path, release)
    card = models.card(release)
    assert card.config["skeleton"] == release
    assert "non-commercial" in card.provenance["licence"]
    network, params, skeleton = models.network(release)
    assert skeleton.name == release
    assert "prelu" in repr(network)
    assert jax.tree.leaves(params)
    if release == "hand_21":
        with pytest.raises(OptionError, match="hand_21 finds no people, it reads a crop around one"):
            models.load(release)
    else:
        assert models.load(release, size=64).skeleton is skeleton
    store.path_of(release).unlink()


def test_an_architecture_without_published_weights_imports_nothing(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no weights are imported for 'openpose-lite': nobody has published any"):
        models.import_file(tmp_path / "x.xml", "x", "openpose-lite")


def test_options_make_another_estimator(imported: str) -> None:
    assert type(models.estimator(imported, size=64)) is OpenPose
    exact = models.estimator(imported, size=64, decode=ExactConfig(), parser=ParserConfig(method="hungarian-tree"))
    (people,) = exact.collect(exact.dispatch([np.zeros((64, 64, 3), np.uint8)], 1))
    assert people.total == 0
    assert type(models.estimator(imported, size=64, search=SearchConfig(flip=True))) is SearchingOpenPose
    with pytest.raises(OptionError, match="`DecodeConfig` or an `ExactConfig`, got PoseConfig"):
        models.load(imported, decode=PoseConfig())
    with pytest.raises(OptionError, match="hpe has no option `chunks`: its own are decode, parser, search"):
        models.load(imported, chunks=3)


def test_a_staf_network_brings_its_own_tracker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAXPOSE_HOME", str(tmp_path))
    config = StafLiteConfig(
        width=8, context_width=8, dilations=(1,), paf_blocks=1, heatmap_blocks=1, taf_dilations=(1,)
    )
    blank = jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float16), ARCHITECTURES["staf-lite"].shapes(config))
    store.save("mine", blank, Card("staf-lite", dataclasses.asdict(config), {}))
    tracker = models.load("mine", size=64, max_people=1, tracking=TrackerConfig(variant="released"))
    picture = np.zeros((64, 64, 3), np.uint8)
    (people,) = tracker.track([picture])
    assert people.total == 0
    assert models.estimator("mine", size=64).skeleton.name == tracker.skeleton.name == "body_21a"
    with pytest.raises(OptionError, match="mine keeps ids by itself"):
        models.load("mine", identities=IdentityConfig(birth_hits=1))
    with pytest.raises(OptionError, match="mine has no option `parser`: its own are decode, tracking"):
        models.load("mine", parser=ParserConfig())
    with pytest.raises(OptionError, match="movenet-multipose has no option `tracking`"):
        models.load("movenet-multipose", tracking=TrackerConfig())


def test_the_thresholds_of_a_model_are_told() -> None:
    assert models.default("openpose-lite", "parser") == ParserConfig(min_score=0.82)
    assert models.default("movenet-multipose", "parser") is None
    with pytest.raises(UnknownModelError, match="no model named 'nobody'"):
        models.default("nobody", "parser")


def test_another_parser_keeps_the_thresholds() -> None:
    chosen = OpenPoseOptions(parser="hungarian-tree").chosen(functools.partial(models.default, "openpose-lite"))
    assert chosen == {"parser": ParserConfig(method="hungarian-tree", min_score=0.82)}
