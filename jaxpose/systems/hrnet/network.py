"""[device] HRNet as published: crops of one person to a heatmap for each joint.

Sun et al., "Deep High-Resolution Representation Learning for Human Pose Estimation", CVPR 2019. First step of the flow
`crop -> heatmaps -> joints`: the backbone (`nets/hrnet.py`), and a 1x1 convolution on its finest map.
"""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num

from jaxpose.nets.hrnet import HrnetBackbone
from jaxpose.nets.layers import Conv, Form, identity
from jaxpose.nets.lite import FIELD_GAIN
from jaxpose.skeletons import SKELETONS
from jaxpose.systems.hrnet.config import HrnetConfig
from jaxpose.weights.vgg import MEAN, STD


class Hrnet(nn.Module):
    """Crops to the heatmaps of one person's joints, at a quarter of the crop's sides.

    It has batch statistics (see `nets.normalization`). `dtype` is that of the computation (bfloat16 on accelerators):
    parameters and heatmaps are float32.
    """

    config: HrnetConfig = HrnetConfig()
    dtype: Any = jnp.float32
    form: Form = "auto"

    @nn.compact
    def __call__(self, images: Num[Array, "b H W 3"], train: bool = False) -> Float[Array, "b H/4 W/4 j"]:
        """Heatmaps of RGB crops, 0 to 255, whose sides are multiples of 32; `ValueError` for others."""
        height, width = images.shape[1:3]
        if height % 32 or width % 32:
            raise ValueError(f"the crop's sides must be multiples of 32, got {width}x{height}")
        mean, std = (255 * np.array(values, np.float32) for values in (MEAN, STD))
        x = ((images - mean) / std).astype(self.dtype)
        x = HrnetBackbone(self.config.width, self.form, name="backbone")(x, train)
        joints = len(SKELETONS[self.config.skeleton].joints)
        maps: Array = Conv(joints, 1, activation=identity, form=self.form, gain=FIELD_GAIN, name="out")(x)
        return maps.astype(jnp.float32)
