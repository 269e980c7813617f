"""The people of a procedural scene at one moment: who they are, what they wear, where they are."""

from typing import NamedTuple

from jaxpose.data.procedural.figure import Bodies, Placed
from jaxpose.data.procedural.looks import Looks


class Crowd(NamedTuple):
    """People of a scene at one moment, dressed."""

    bodies: Bodies
    looks: Looks
    placed: Placed
