"""`jaxpose models`: which models can be used, and where they come from."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Models:
    """List the models that `track --model` takes."""

    def run(self) -> None:
        """Print a line for each model."""
        from jaxpose.errors import WeightsError
        from jaxpose.models import card, names

        found = names()
        if not found:
            print("no model is installed; bring one in with `jaxpose import FILE --as NAME`")
        for name in found:
            try:
                about = card(name)
            except WeightsError as error:
                print(f"{name}: {error}")
                continue
            settings = ", ".join(f"{key} {value}" for key, value in about.config.items())
            origin = "; ".join(f"{key} {value}" for key, value in about.provenance.items())
            print(f"{name}: {about.architecture} ({settings}); {origin}")
