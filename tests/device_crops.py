"""Dotted pictures in a device's memory, and crops drawn from them."""

import functools

import dotted
import jax
import jax.numpy as jnp
import numpy as np

from jaxpose.data.device.batches import draw_batch
from jaxpose.data.device.pictures import load_pictures
from jaxpose.data.examples import Batch


def loaded(source, longest=320):
    return jax.tree.map(jnp.asarray, load_pictures(source, dotted.SKELETON, longest))


@functools.cache
def _drawer(config, batch):
    return jax.jit(lambda key, pictures: draw_batch(key, pictures, config, dotted.SKELETON, batch))


def drawn(source, config, batch=8, seed=0, longest=320) -> Batch:
    pictures = loaded(source, longest)
    return jax.tree.map(np.asarray, _drawer(config, batch)(jax.random.key(seed), pictures))
