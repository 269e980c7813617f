"""What the files of MPII, Leeds Sports and CarFusion must not hold; what they hold is tested with the builders."""

from pathlib import Path

import numpy as np
import pytest
from published import pose, put, struct
from scipy.io import savemat

from jaxpose.errors import FormatError
from jaxpose.formats import carfusion, lspet, mpii


@pytest.mark.parametrize("order", [(1, 2, 0), (2, 1, 0), (0, 1, 2)])
def test_leeds_sports_in_each_order_of_axes(order: tuple[int, int, int], tmp_path: Path) -> None:
    joints = np.stack([pose(number, 14, 1) for number in range(5)])
    savemat(tmp_path / "joints.mat", {"joints": joints.transpose(order)})
    np.savez(tmp_path / "joints.npz", joints=joints.transpose(order))
    for name in ("joints.mat", "joints.npz"):
        found = np.stack([picture.keypoints[0] for picture in lspet.read_joints(tmp_path / name).pictures])
        np.testing.assert_array_equal(found[..., :2], joints[..., :2])
        assert (found[..., 2] == 2).all()


@pytest.mark.parametrize(
    ("joints", "message"),
    [
        (np.zeros((5, 16, 3)), r"`joints` must be .*, got \[5, 16, 3\]; is it Leeds Sports Extended\?"),
        (np.full((5, 14, 3), np.nan), "of finite numbers"),
        (np.full((5, 14, 3), 2.0), r"the third number of a joint must be 1 \(labelled\) or 0"),
    ],
)
def test_other_joints_are_no_leeds_sports(joints: np.ndarray, message: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "joints.npz", joints=joints)
    with pytest.raises(FormatError, match=message):
        lspet.read_joints(tmp_path / "joints.npz")


@pytest.mark.parametrize("name", ["joints.mat", "joints.npz"])
def test_damaged_files_are_told(name: str, tmp_path: Path) -> None:
    for content in (b"", b"not MATLAB's, and no zip either, but long enough for a header" * 9):
        with pytest.raises(FormatError, match=f"{name}: "):
            lspet.read_joints(put(tmp_path / name, content))
        with pytest.raises(FormatError, match=f"{name}: "):
            mpii.read_mat(put(tmp_path / name, content))
    with pytest.raises(FormatError, match="cannot be read"):
        lspet.read_joints(tmp_path / "absent" / name)


def test_an_mpii_joint_that_there_is_not(tmp_path: Path) -> None:
    person = struct({"annopoints": struct({"point": struct({"x": 1.0, "y": 1.0, "id": 16})})})
    annolist = struct({"image": struct({"name": "a.jpg"}), "annorect": person})
    savemat(tmp_path / "a.mat", {"RELEASE": struct({"annolist": annolist, "img_train": 1})})
    with pytest.raises(FormatError, match=r"a.mat, annolist\[0\]: a joint's `id` must be 0 to 15, got 16"):
        mpii.read_mat(tmp_path / "a.mat")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,2,3", "line 2: must be x,y,joint,vehicle,visibility, got '1,2,3'"),
        ("1,2,15,1,1", "line 2: `joint` must be 1 to 14, got 15"),
        ("1,2,3,1,4", "line 2: `visibility` must be 1, 2 or 3, got 4"),
        ("a,2,3,1,1", "line 2: could not convert string to float: 'a'"),
        ("1,nan,3,1,1", "line 2: `y` must be a number of pixels"),
        ("1,2,3.5,1,1", "line 2: `joint` must be a whole number from 1"),
    ],
)
def test_a_malformed_line_of_carfusion(line: str, message: str, tmp_path: Path) -> None:
    put(tmp_path / "car/gt/1_2.txt", f"1,2,3,4,1\n{line}\n")
    with pytest.raises(FormatError, match=f"1_2.txt, {message}"):
        carfusion.read_sequence(tmp_path / "car")


def test_carfusion_s_frames_are_in_order(tmp_path: Path) -> None:
    for name in ("1_10", "1_9", "2_1"):
        put(tmp_path / f"car/gt/{name}.txt", "1,2,3,4,1")
    pictures = carfusion.read_sequence(tmp_path / "car").pictures
    assert [(one.sequence, one.frame) for one in pictures] == [("car/1", 9), ("car/1", 10), ("car/2", 1)]
