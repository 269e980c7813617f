"""Runs HRNet W32 and W48 with random weights in PyTorch, as the independent truth for the networks here.

    PYTHONPATH=tests python experiments/hrnet_reference.py

Needs an environment with torch and numpy. The layers are written here from the paper (Sun et al., CVPR 2019, section 3)
and the names in the published checkpoints; the weights come from a seed (`tests/hrnet_layers.py`). Writes
`tests/systems/hrnet/reference.npz`: of each network the heatmaps of a picture, a map of the coarsest branch of the
third stage, how many parameters it has, and a checksum of its weights.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import hrnet_layers
import numpy as np
import torch
from torch import Tensor, nn

SUITE = Path(__file__).parents[1] / "tests" / "systems" / "hrnet" / "reference.npz"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
JOINTS = 17


def layer(into: int, out: int, size: int = 3, stride: int = 1, relu: bool = True) -> list[nn.Module]:
    """A convolution with batch normalization."""
    conv = nn.Conv2d(into, out, size, stride, size // 2, bias=False)
    return [conv, nn.BatchNorm2d(out), *([nn.ReLU()] if relu else [])]


class Basic(nn.Module):
    """Two 3x3 convolutions and the way around them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.bn1, _ = layer(channels, channels)
        self.conv2, self.bn2, _ = layer(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Apply to a map."""
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + x)


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1, and the way around them, which widens where it must."""

    def __init__(self, into: int) -> None:
        super().__init__()
        self.conv1, self.bn1, _ = layer(into, 64, 1)
        self.conv2, self.bn2, _ = layer(64, 64)
        self.conv3, self.bn3, _ = layer(64, 256, 1)
        self.downsample = nn.Sequential(*layer(into, 256, 1, relu=False)) if into != 256 else None

    def forward(self, x: Tensor) -> Tensor:
        """Apply to a map."""
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))


class Module(nn.Module):
    """Four blocks on every branch, then the first `targets` branches as sums of all."""

    def __init__(self, widths: Sequence[int], targets: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(nn.Sequential(*(Basic(width) for _ in range(4))) for width in widths)
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(self.way(widths, source, target) for source in range(len(widths)))
            for target in range(targets)
        )

    @staticmethod
    def way(widths: Sequence[int], source: int, target: int) -> nn.Module | None:
        """From one branch to another."""
        into, out = widths[source], widths[target]
        if source > target:
            return nn.Sequential(*layer(into, out, 1, relu=False), nn.Upsample(scale_factor=2 ** (source - target)))
        if source == target:
            return None
        halvings = [nn.Sequential(*layer(into, into, stride=2)) for _ in range(target - source - 1)]
        return nn.Sequential(*halvings, nn.Sequential(*layer(into, out, stride=2, relu=False)))

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Apply to the branches."""
        maps = [branch(x) for branch, x in zip(self.branches, maps, strict=True)]
        sums = [[x if way is None else way(x) for way, x in zip(ways, maps, strict=True)] for ways in self.fuse_layers]
        return [torch.relu(sum(parts[1:], parts[0])) for parts in sums]


class Hrnet(nn.Module):
    """The whole network."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.bn1, _ = layer(3, 64, stride=2)
        self.conv2, self.bn2, _ = layer(64, 64, stride=2)
        self.layer1 = nn.Sequential(*(Bottleneck(256 if block else 64) for block in range(4)))
        widths = [width * 2**branch for branch in range(4)]
        first = nn.Sequential(*layer(256, width))
        self.transition1 = nn.ModuleList([first, nn.Sequential(nn.Sequential(*layer(256, widths[1], stride=2)))])
        self.transition2 = nn.ModuleList([None, None, nn.Sequential(nn.Sequential(*layer(*widths[1:3], stride=2)))])
        last = nn.Sequential(nn.Sequential(*layer(*widths[2:], stride=2)))
        self.transition3 = nn.ModuleList([None, None, None, last])
        self.stage2 = nn.Sequential(Module(widths[:2], 2))
        self.stage3 = nn.Sequential(*(Module(widths[:3], 3) for _ in range(4)))
        self.stage4 = nn.Sequential(*(Module(widths, targets) for targets in (4, 4, 1)))
        self.final_layer = nn.Conv2d(width, JOINTS, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Heatmaps, and what the third stage's coarsest branch holds at the end."""
        x = torch.relu(self.bn1(self.conv1(x)))
        x = self.layer1(torch.relu(self.bn2(self.conv2(x))))
        maps = self.stage2([way(x) for way in self.transition1])
        maps = self.stage3([*maps, self.transition2[2](maps[-1])])
        coarse = maps[-1]
        maps = self.stage4([*maps, self.transition3[3](coarse)])
        return self.final_layer(maps[0]), coarse


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=SUITE)
    options = parser.parse_args()
    picture = torch.from_numpy(hrnet_layers.image()).float() / 255
    pixels = ((picture - torch.tensor(MEAN)) / torch.tensor(STD)).permute(2, 0, 1)[None]
    kept: dict[str, np.ndarray] = {}
    for width in (32, 48):
        weights = hrnet_layers.tensors(width, JOINTS)
        network = Hrnet(width).eval()
        network.load_state_dict({name: torch.from_numpy(values) for name, values in weights.items()}, strict=True)
        with torch.no_grad():
            heatmaps, coarse = (maps[0].permute(1, 2, 0).numpy() for maps in network(pixels))
        size = sum(parameter.numel() for parameter in network.parameters())
        print(width, size, heatmaps.shape, f"{heatmaps.std():.3f}", coarse.shape, f"{coarse.std():.3f}")
        kept |= {f"heatmaps_{width}": heatmaps, f"coarse_{width}": coarse, f"parameters_{width}": np.array(size)}
        kept[f"weights_{width}"] = np.array(hrnet_layers.checksum(weights))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(options.out, **kept)
    print(f"wrote {options.out}: {options.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
