"""`jaxpose models`: which models can be used, and where they come from."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Models:
    """List the models that `track --model` takes."""

    def run(self) -> None:
        """Print a line for each model."""
        from jaxpose.models import card, names

        found = names()
        if not found:
            print("no model is installed; bring one in with `jaxpose import FILE --as NAME`")
        for name in found:
            about = card(name)
            origin = about.provenance
            print(
                f"{name}: {about.architecture}, {about.config['skeleton']}, "
                f"from {origin['file']} ({origin['imported']}), {origin['licence']}"
            )
