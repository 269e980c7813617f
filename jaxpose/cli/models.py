"""`jaxpose models`: which models can be used, and where they come from."""

import dataclasses

from jaxpose.weights.default import DEFAULT


@dataclasses.dataclass(frozen=True)
class Models:
    """List the models that `track --model` takes."""

    def run(self) -> None:
        """Print a line for each model."""
        from jaxpose.errors import WeightsError
        from jaxpose.models import card, names

        for name in names():
            try:
                about = card(name)
            except WeightsError as error:
                print(f"{name}: {error}")
                continue
            settings = ", ".join(f"{key} {value}" for key, value in about.config.items())
            origin = "; ".join(f"{key} {value}" for key, value in about.provenance.items())
            mark = ", the default" if name == DEFAULT else ""
            print(f"{name}{mark}: {about.architecture} ({settings}); {origin}")
