"""What the compiler made of a network is kept from one run of the command line to the next, in a folder of the user's.

To compile takes seconds, to read it back a tenth of one. JAX can keep compilations by itself; here is decided where,
how much at most, and what happens when a file is damaged or the folder cannot be written: the work never depends on it.
Only commands switch it on. In Python one sets JAX's own option, `jax_compilation_cache_dir`, and if that is set (or
`JAX_COMPILATION_CACHE_DIR` in the environment), commands use that and leave all of it to JAX.
"""

import contextlib
import functools
import glob
import hashlib
import os
import platform
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from jaxpose.errors import JaxposeWarning

LIMIT = 256 * 2**20
"""Bytes that the folder holds at most, after a run; the oldest files go first. A network takes 0.2 MB to 1 MB."""

TROUBLE = re.compile(r"Error (reading|writing) persistent compilation cache entry for '([\w.-]+)': (.*)", re.DOTALL)
"""JAX's warning that a file of its own was of no use. It goes on: compiles, or has not kept what it compiled."""


@contextlib.contextmanager
def kept_compilations() -> Iterator[None]:
    """What JAX compiles inside is looked for in `folder()`, and kept there.

    If nothing can be kept there, a `JaxposeWarning` at the end says so, unless the work itself has failed.
    """
    # On some processors (Intel's Cascade Lake with jaxlib 0.9 to 0.10) XLA logs an error that it has found harmless
    # differences between the machine and itself for each file it reads; this is read when jax is first imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    config: Any = jax.config
    if config.jax_compilation_cache_dir or not config.jax_enable_compilation_cache:
        yield
        return
    keeper = _Keeper(folder())
    options = {"jax_compilation_cache_dir": str(keeper.folder), "jax_persistent_cache_min_compile_time_secs": 0.0}
    before = {option: getattr(config, option) for option in options}
    show, warnings.showwarning = warnings.showwarning, functools.partial(keeper.show, warnings.showwarning)
    for option, value in options.items():
        config.update(option, value)
    try:
        yield
    finally:
        warnings.showwarning = show
        for option, value in before.items():
            config.update(option, value)
        compilation_cache.reset_cache()  # JAX would stay with the folder that it has once used
        keeper.trim()
    if keeper.failed:
        told = f"{keeper.folder}: what was compiled cannot be kept there ({keeper.failed}), so each run compiles anew"
        warnings.warn(f"{told}; JAX_COMPILATION_CACHE_DIR can name another folder", JaxposeWarning, stacklevel=3)


def folder() -> Path:
    """Where compilations of this machine's kind of processor are kept.

    It is in `JAXPOSE_HOME` if that is set, else in the user's cache folder. Each kind has its own: unlike machines may
    share a home, and what was compiled for the instructions of one would crash another.
    """
    return _root() / hashlib.sha256(_processor().encode()).hexdigest()[:12]


def _root() -> Path:
    if home := os.environ.get("JAXPOSE_HOME"):
        return Path(home) / "compiled"
    import platformdirs

    return Path(platformdirs.user_cache_dir("jaxpose", appauthor=False)) / "compiled"


def _processor() -> str:
    """The processor's name and instruction sets, as far as the system tells them."""
    told = [platform.system(), platform.machine(), platform.processor()]
    with contextlib.suppress(OSError):
        first, _, _ = Path("/proc/cpuinfo").read_text().partition("\n\n")  # the others are alike
        told += [line for line in first.splitlines() if line.startswith(("model name", "flags", "Features", "CPU "))]
    return "\n".join(told)


class _Keeper:
    """Watches over the folder while JAX uses it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.failed = ""  # why something could not be kept
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.failed = error.strerror or str(error)

    def show(self, other: Callable[..., None], message: Warning | str, *rest: Any, **named: Any) -> None:
        """In the place of `warnings.showwarning`: JAX's troubles with its files end here, `other` shows the rest.

        A damaged file (a run was killed while it wrote, the disk was full) is removed, and JAX then writes it anew:
        it never replaces one by itself.
        """
        if (trouble := TROUBLE.match(str(message))) is None:
            other(message, *rest, **named)
            return
        doing, module, reason = trouble.groups()
        if doing == "writing":
            self.failed = self.failed or reason
        for file in self.folder.glob(f"{glob.escape(module)}-*"):
            with contextlib.suppress(OSError):
                file.unlink()

    def trim(self) -> None:
        """Remove the oldest files, of all kinds of processors, until `LIMIT` is kept."""
        with contextlib.suppress(OSError):  # another run may do the same at this moment
            files = [(file.stat(), file) for file in self.folder.parent.rglob("*") if file.is_file()]
            size = sum(stat.st_size for stat, _ in files)
            for stat, file in sorted(files, key=lambda entry: entry[0].st_mtime):
                if size <= LIMIT:
                    break
                file.unlink()
                size -= stat.st_size
