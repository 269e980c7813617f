"""How pictures become crops to train on. The defaults are what OpenPose's BODY_25 was trained with.

A size in "crops" is a share of the crop's side, so that a setting keeps its meaning in larger crops.
"""

import dataclasses


def _check_scale(scale: tuple[float, float]) -> None:
    if not 0 < scale[0] <= scale[1]:
        raise ValueError(f"`scale` must be two rising numbers above 0, got {scale}")


@dataclasses.dataclass(frozen=True)
class PlaceConfig:
    """Where a crop is cut: around one person of the picture, turned, scaled, moved and perhaps mirrored."""

    crop: int = 368  # pixels of the crop's sides
    stride: int = 8  # pixels of a cell's sides; the crop must be a multiple of it
    rotation: float = 45.0  # degrees; turned by -rotation to rotation
    target: float = 0.6  # the person's height, in crops, where `scale` is 1
    scale: tuple[float, float] = (1 / 3, 1.1)  # times that height
    shift: float = 40.0  # pixels of the crop by which the person's middle may miss the crop's, in x and in y
    flip: float = 0.5  # how often a picture is mirrored
    anchor_joints: int = 5  # the crop is cut around a person with at least so many joints
    anchor_size: float = 32.0  # and a box of at least the square of so many pixels; any person, where there is none
    people: int = 32  # slots for the people of a crop; cells of further people are not valid

    def __post_init__(self) -> None:
        if self.crop < self.stride or self.crop % self.stride:
            raise ValueError(f"`crop` must be a multiple of the stride {self.stride}, got {self.crop}")
        _check_scale(self.scale)
        if self.people < 1:
            raise ValueError(f"`people` must be at least 1, got {self.people}")


@dataclasses.dataclass(frozen=True)
class ColorConfig:
    """How colours change, all amounts drawn evenly from -amount to amount; OpenPose changed none."""

    brightness: float = 0.0  # added, in shares of white
    contrast: float = 0.0  # multiplies differences from grey by 1 + this
    saturation: float = 0.0  # multiplies differences of the channels by 1 + this
    hue: float = 0.0  # degrees by which the colours turn around the grey axis
    grey: float = 0.0  # how often all colour goes
    blur: float = 0.0  # how often a picture is blurred,
    blur_sigma: float = 2.0  # by a Gaussian of up to so many pixels
    noise: float = 0.0  # how often noise is added,
    noise_sigma: float = 12.0  # of up to so many of 255 levels
    jpeg: float = 0.0  # how often a picture is coded as JPEG once more,
    jpeg_quality: tuple[int, int] = (20, 80)  # of this quality


@dataclasses.dataclass(frozen=True)
class OccluderConfig:
    """Things drawn over joints, so that the rest of a person must tell where they are."""

    most: int = 2  # things a crop; their number is drawn from 0 to this
    size: tuple[float, float] = (0.1, 0.35)  # of their sides, in heights of the person
    patches: float = 0.25  # how often one shows a piece of another picture; otherwise it has one colour


@dataclasses.dataclass(frozen=True)
class MosaicConfig:
    """Crops of several pictures side by side: many people, of different sizes, from pictures of one person each."""

    share: float = 0.0  # how many crops are mosaics
    tiles: tuple[int, ...] = (2, 3, 4)  # pictures in one, drawn from these; at most 4
    smallest: float = 0.3  # a tile's sides are at least this, in crops
    scale: tuple[float, float] = (
        0.8,
        1.6,
    )  # in place of `PlaceConfig.scale`; a tile is a crop

    def __post_init__(self) -> None:
        if not self.tiles or not set(self.tiles) <= {2, 3, 4}:
            raise ValueError(f"`tiles` must be some of 2, 3 and 4, got {self.tiles}")
        if not 0 < self.smallest <= 0.5:
            raise ValueError(f"`smallest` must be above 0 and at most 0.5, got {self.smallest}")
        _check_scale(self.scale)


@dataclasses.dataclass(frozen=True)
class ClipConfig:
    """Several frames with one motion, for recurrent networks; a single picture gives a clip by that motion alone."""

    frames: int = 1  # of a clip; 1: single pictures, without the axis of time
    skip: int = 3  # up to so many frames of a video are left out between two of a clip
    reverse: float = 0.5  # how often a video runs backwards
    motion: bool = True  # where the crop is cut at the end is drawn as for the start, and between it moves evenly
    extra_shift: float = 0.0  # pixels of the crop by which the end moves further, in x and in y
    extra_rotation: float = 0.0  # degrees by which it turns further
    zoom: float | None = None  # most by which people grow or shrink until the end, as a factor; None: as drawn

    def __post_init__(self) -> None:
        if self.zoom is not None and self.zoom < 1:
            raise ValueError(f"`zoom` must be at least 1, got {self.zoom}")
        if self.frames < 1:
            raise ValueError(f"`frames` must be at least 1, got {self.frames}")
        if self.skip < 0:
            raise ValueError(f"`skip` must be at least 0, got {self.skip}")


@dataclasses.dataclass(frozen=True)
class CropConfig:
    """All that happens to a picture before the network sees it."""

    place: PlaceConfig = PlaceConfig()
    color: ColorConfig = ColorConfig()
    occluders: OccluderConfig = OccluderConfig()
    mosaic: MosaicConfig = MosaicConfig()
    clip: ClipConfig = ClipConfig()


@dataclasses.dataclass(frozen=True)
class PersonCropConfig:
    """Crops of one person each, as HRNet was trained on (Sun et al., CVPR 2019, section 4, and its published program).

    The box around the person is widened to the crop's shape, and then made larger. A factor or an angle of a given
    deviation is drawn from a normal distribution: the factor's is cut at one deviation, the angle's at two.
    """

    crop: tuple[int, int] = (256, 192)  # height and width in pixels
    stride: int = 4  # pixels of a cell's sides; the crop's sides must be multiples of it
    padding: float = 1.25  # the crop's sides, in those of the box
    scale: float = 0.35  # deviation of the factor, around 1, by which the crop shows more or less
    rotation: float = 45.0  # deviation in degrees of the angle by which people are turned,
    turned: float = 0.6  # and how often they are
    half_body: float = 0.3  # how often a person with many joints is cut off above or below the hips
    shift: float = 0.0  # the box misses its person by up to this share of its sides, as a detector's may
    flip: float = 0.5  # how often a picture is mirrored
    color: ColorConfig = ColorConfig()
    occluders: OccluderConfig = OccluderConfig(most=0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "crop", tuple(self.crop))  # a list in JSON; a config must be hashable
        if len(self.crop) != 2 or any(side < self.stride or side % self.stride for side in self.crop):
            raise ValueError(f"`crop` must be two multiples of the stride {self.stride}, got {self.crop}")
        if not self.padding > 0:
            raise ValueError(f"`padding` must be above 0, got {self.padding}")
        if not 0 <= self.scale < 1:
            raise ValueError(f"`scale` must be from 0 to below 1, got {self.scale}")
