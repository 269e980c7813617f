"""What networks that several systems share look like, as plain dataclasses without JAX or NumPy."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class LiteBodyConfig:
    """The body of this project's fast networks: a published backbone, then a PAF block and a heatmap block.

    Maps of the backbone are named as in `nets/multipose.py`; it ends with the last that is read. The defaults were
    chosen by what they cost (`experiments/benchmarks/lite.py`) and by what of the fields each map shows already
    (`experiments/trunk_probe.py`: expansions show far more than the narrow maps around them). Those of the picture at
    half its size are there for large people, most of whom the backbone itself finds only in small pictures.
    """

    skeleton: str = "body_21a"
    coarse: tuple[str, ...] = (  # what is read at strides 16 and 32, for what surrounds a joint
        "expansion_13",
        "out",
        "half_expansion_6",
        "half_pyramid_8",
        "half_expansion_13",
    )
    fine: tuple[str, ...] = (  # at strides 8 and 4, for its exact place
        "expansion_6",
        "pyramid_8",
        "pyramid_4",
        "heatmaps",
        "half_pyramid_4",
        "half_heatmaps",
    )
    context_width: int = 192  # channels at stride 16
    dilations: tuple[int, ...] = (2, 3, 5)  # of the residual blocks there: with them a cell sees 365 pixels each way
    width: int = 128  # channels at stride 8
    paf_blocks: int = 2  # residual blocks that lead to the affinity fields
    heatmap_blocks: int = 2  # and on to the heatmaps

    def __post_init__(self) -> None:
        for name in ("coarse", "fine", "dilations"):
            object.__setattr__(self, name, tuple(getattr(self, name)))  # a list in JSON; a config must be hashable
            if not getattr(self, name):
                raise ValueError(f"`{name}` must have at least one entry")
        for name in ("paf_blocks", "heatmap_blocks"):
            if getattr(self, name) < 1:
                raise ValueError(f"`{name}` must be at least 1, got {getattr(self, name)}")
