"""`jaxpose fetch`: published weights are downloaded, checked, and become a model."""

import contextlib
import dataclasses
from types import TracebackType
from typing import Annotated, Any, Self

from tyro.conf import FlagCreatePairsOff, Positional, arg

from jaxpose.errors import FetchError, OutputError


@dataclasses.dataclass(frozen=True)
class Fetch:
    """Download published weights and import them; `models` lists those that are known."""

    published: Annotated[Positional[str], arg(metavar="NAME")]  # a name that `models` lists
    name: Annotated[str | None, arg(name="as", metavar="NAME")] = None  # what to call the model, if not the same
    keep: FlagCreatePairsOff[bool] = False  # keep the downloaded files too

    def run(self) -> None:
        """Do it, and say where the model lies."""
        from jaxpose.weights import fetching, registry

        published = registry.find(self.published)
        name = self.name or published.name
        if not published.files:
            raise FetchError(f"{published.name} comes with the package: there is nothing to fetch")
        self._check_name(name)

        from jaxpose.architectures import ARCHITECTURES
        from jaxpose.models import import_file
        from jaxpose.weights import store

        if published.architecture not in ARCHITECTURES:
            raise FetchError(
                f"{published.name} is a {published.architecture}, which this version cannot import: "
                f"it knows {', '.join(ARCHITECTURES)}"
            )
        folder = store.home() / "downloads" / published.name
        print(f"licence of {published.name}: {published.licence}")
        with _Bar() as bar:
            try:
                file = fetching.fetch(published, folder, bar.show)
            except KeyboardInterrupt:
                raise KeyboardInterrupt("stopped; the same command goes on from here") from None
        stored = import_file(file, name, published.architecture)
        if not self.keep:
            fetching.remove(published, folder)
        print(f"{name}: {stored}")

    def _check_name(self, name: str) -> None:
        from jaxpose.weights import store

        path = store.path_of(name)
        if name in store.names():
            raise OutputError(f"a model named {name} exists already ({path}): choose another name with --as")


class _Bar:
    """A progress bar for each file, one after the other."""

    def __init__(self) -> None:
        self._bars = contextlib.ExitStack()
        self._bar: Any = None
        self._file = ""

    def show(self, file: str, done: int, total: int | None) -> None:
        """Tell how many bytes of a file are here."""
        from tqdm import tqdm

        if file != self._file:
            self._bars.close()
            bar = tqdm(desc=file, total=total, initial=done, unit="B", unit_scale=True, disable=None)
            self._file, self._bar = file, self._bars.enter_context(bar)
        self._bar.update(done - self._bar.n)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.close()
