"""`jaxpose models`: which models can be used, and where they come from."""

import dataclasses

from jaxpose.weights.default import DEFAULT
from jaxpose.weights.registry import PUBLISHED


@dataclasses.dataclass(frozen=True)
class Models:
    """List the models that `track --model` takes, and the published weights that `fetch` makes one of."""

    def run(self) -> None:
        """Print a line for each."""
        from jaxpose.architectures import ARCHITECTURES
        from jaxpose.errors import WeightsError
        from jaxpose.models import card, names

        installed = names()
        for name in installed:
            try:
                about = card(name)
            except WeightsError as error:
                print(f"{name}: {error}")
                continue
            settings = ", ".join(f"{key} {value}" for key, value in about.config.items())
            origin = "; ".join(f"{key} {value}" for key, value in about.provenance.items())
            mark = ", the default" if name == DEFAULT else ""
            print(f"{name}{mark}: {about.architecture} ({settings}); {origin}")
        known = [one for one in PUBLISHED if one.files and one.architecture in ARCHITECTURES]
        fetchable = [one for one in known if one.name not in installed]
        if fetchable:
            print("published, for `jaxpose fetch NAME`:")
        for one in fetchable:
            size = "size unknown" if one.size_bytes is None else f"{one.size_bytes / 1e6:.1f} MB"
            print(f"  {one.name}: skeleton {one.skeleton}; {size}; licence {one.licence}")
