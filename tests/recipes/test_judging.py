"""The judge of a training, with an estimator that knows what it will be asked."""

import dataclasses

import cv2
import jax.numpy as jnp
import numpy as np
import pytest

from jaxpose.data.examples import Example
from jaxpose.data.procedural.source import ProceduralSource
from jaxpose.data.subsets import Restricted
from jaxpose.errors import DataError
from jaxpose.recipes.judging import GREY, Judge
from jaxpose.records import NO_ID, make_people
from jaxpose.skeletons import BODY_21A, BODY_25
from jaxpose.topdown.config import TopDownConfig
from jaxpose.topdown.estimator import CropEstimator

SIDES = (96, 128)  # height and width of the pictures


@dataclasses.dataclass
class Knowing:
    """Gives, picture by picture, what it was given as its parameters."""

    skeleton = BODY_21A
    size = 128

    def __post_init__(self):
        self.seen, self.updates = [], 0

    def update(self, params):
        self.params, self.place, self.updates = params, 0, self.updates + 1

    def dispatch(self, images, pad_to):
        assert len(images) == pad_to == 1
        self.seen.append(images[0])
        return images

    def collect(self, work):
        keypoints = self.params[self.place]
        self.place += 1
        return [make_people(keypoints, np.linspace(0.9, 0.5, len(keypoints)))]


class Pictures:
    """Some examples as a data set."""

    def __init__(self, examples, skeleton=BODY_21A):
        self.examples, self.skeleton, self.labels = examples, skeleton, frozenset(skeleton.joints)

    def __len__(self):
        return len(self.examples)

    def __getitem__(self, index):
        return self.examples[index]


@pytest.fixture(scope="module")
def pictures():
    return ProceduralSource(BODY_21A, 4, seed=3, size=SIDES[::-1], people=(1, 3))


def truths(source, count):
    """What a perfect network finds: float64, score 1 where a joint is labelled."""
    found = []
    for example in (source[i] for i in range(count)):
        keypoints = example.keypoints.astype(np.float64)
        keypoints[..., 2] = keypoints[..., 2] > 0
        found.append(keypoints[keypoints[..., 2].any(-1)])
    return found


def test_the_truth_itself_scores_100(pictures):
    judge = Judge(Knowing(), [pictures], 3)
    found = judge.scores(truths(pictures, 3), {})
    assert found == {"ap": pytest.approx(100), "ap50": pytest.approx(100), "ap75": pytest.approx(100), "ar": 100}
    assert next(iter(found)) == "ap"  # chooses the best checkpoint


def test_nobody_found_scores_0_and_a_second_look_is_another_one(pictures):
    estimator = Knowing()
    judge = Judge(estimator, [pictures], 2)
    nobody = [np.zeros((0, 21, 3))] * 2
    assert judge.scores(nobody, {}) == dict.fromkeys(("ap", "ap50", "ap75", "ar"), 0)
    assert judge.scores(truths(pictures, 2), {})["ap"] == pytest.approx(100)
    assert estimator.updates == 2


def test_all_data_sets_count_and_each_only_for_the_joints_that_it_labels(pictures):
    arms = Restricted(pictures, frozenset({"left_wrist", "right_wrist", "left_elbow", "right_elbow"}))
    others = [i for i, joint in enumerate(BODY_21A.joints) if joint not in arms.labels]
    wrong = [people[np.delete(people, others, axis=1)[..., 2].any(-1)] for people in truths(pictures, 2)]
    for people in wrong:
        people[:, others, :2] += 500
    assert Judge(Knowing(), [arms], 2).scores(wrong, {})["ap"] == pytest.approx(100)
    both = Judge(Knowing(), [pictures, arms], 2)
    assert 0 < both.scores(wrong + wrong, {})["ap"] < 99


def test_other_skeletons_are_translated(pictures):
    source = ProceduralSource(BODY_25, 4, seed=3, size=SIDES[::-1], people=(1, 3))
    found = truths(pictures, 2)
    assert Judge(Knowing(), [source], 2).scores(found, {})["ap"] == pytest.approx(100)


def test_regions_absorb_what_is_found_in_them(pictures):
    example = pictures[0]
    found = truths(pictures, 1)[0]
    assert len(found)
    inside = np.concatenate([np.ones((1, 21, 3)), found])
    inside[0, :, :2] = np.random.default_rng(0).uniform(5, 25, (21, 2))  # with the best score of all
    corners = np.array([[0, 0], [30, 0], [30, 30], [0, 30]], np.float32)
    plain, region = (Pictures([example._replace(regions=regions)]) for regions in ((), (corners,)))
    assert Judge(Knowing(), [plain], 1).scores([inside], {})["ap"] < 80
    assert Judge(Knowing(), [region], 1).scores([inside], {})["ap"] == pytest.approx(100)


def test_pictures_are_squares_of_rgb_and_no_more_than_asked_for(pictures):
    estimator = Knowing()
    judge = Judge(estimator, [pictures], 2)
    samples = judge.samples(truths(pictures, 2), {}, count=1)
    assert [*samples] == ["picture_0"]
    assert len(estimator.seen) == 1
    (seen,) = estimator.seen
    assert seen.shape == (128, 128, 3)
    bgr = cv2.imdecode(np.frombuffer(pictures[0].image, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(seen[: SIDES[0], :, ::-1], bgr)
    assert (seen[SIDES[0] :] == GREY).all()
    assert (samples["picture_0"] != seen).any()  # somebody is drawn


def test_a_damaged_picture_is_told():
    nothing = np.zeros((0, 21, 3), np.float32)
    broken = Example(b"no picture", nothing, np.zeros((0, 4)), np.zeros(0, int) + NO_ID, (), "film", 7)
    with pytest.raises(DataError, match="film, frame 7: the picture cannot be read"):
        Judge(Knowing(), [Pictures([broken])], 5)


STANDING = np.stack([np.linspace(12, 20, 21), np.linspace(6, 58, 21), np.ones(21)], axis=-1)
"""Joints that whoever looks at one person in a crop of 64x32 pixels always finds there."""


def test_a_network_for_one_person_looks_into_the_true_boxes():
    """Two people whose boxes lie so that the one pose which this network knows is right for them, and a far hand."""
    boxes = np.array([[10, 20, 16, 48], [60, 10, 30, 60], [100, 80, 5, 5]], np.float32)
    config = TopDownConfig(joint_threshold=0, duplicate_oks=1)
    keypoints = np.zeros((3, 21, 3), np.float32)
    for person, (x, y, w, h) in enumerate(boxes[:2].tolist()):
        wide = max(w, h / 2)
        corner = np.array([x + w / 2, y + h / 2]) - np.array([wide, 2 * wide]) / 2
        keypoints[person, :, :2] = corner + (STANDING[:, :2] + 0.5) * wide / 32
        keypoints[person, :, 2] = 2
    _, image = cv2.imencode(".png", np.zeros((100, 120, 3), np.uint8))
    example = Example(image.tobytes(), keypoints, boxes, np.full(3, NO_ID), (), "", 0)

    def read(params, crops):
        found = jnp.asarray(STANDING) + params["move"] * jnp.array([1.0, 0, 0])
        return jnp.tile(found, (len(crops), 1, 1)), jnp.ones(len(crops), bool)

    people = CropEstimator(read, {"move": 0.0}, BODY_21A, size=(64, 32), config=config)
    judge = Judge(people, [Pictures([example])], 1)
    assert judge.scores({"move": 0.0}, {})["ap"] == pytest.approx(100)
    assert judge.scores({"move": 9.0}, {})["ap"] < 50
    (drawn,) = judge.samples({"move": 0.0}, {}).values()
    assert drawn.any()


def test_batch_statistics_stand_among_the_parameters(pictures):
    seen = []

    class Noting(Knowing):
        def update(self, params):
            seen.append(params)
            super().update(truths(pictures, 1))

    judge = Judge(Noting(), [pictures], 1)
    judge.scores({"a": 1}, {"norm": 2})
    judge.scores({"a": 1}, {})
    assert seen == [{"a": 1, "batch_stats": {"norm": 2}}, {"a": 1}]
