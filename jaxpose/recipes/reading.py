"""A recipe by its name: one of the packaged ones (`jaxpose/configs`), or a person's own Python file."""

import difflib
import importlib
import pkgutil
import runpy
from pathlib import Path

from jaxpose.errors import OptionError
from jaxpose.recipes.config import Recipe

CONFIGS = "jaxpose.configs"


def read_recipe(config: str) -> Recipe:
    """What a packaged recipe's or a Python file's `get_config` gives; `OptionError` if there is none."""
    own = config.endswith(".py")
    if own and not Path(config).is_file():
        raise OptionError(f"{config}: no such file")
    known = [module.name for module in pkgutil.iter_modules(importlib.import_module(CONFIGS).__path__)]
    if not own and config not in known:
        close = difflib.get_close_matches(config, known, 1)
        told = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}, or give a .py file"
        raise OptionError(f"CONFIG must be a packaged recipe or a .py file, got {config!r}: {told}")
    try:
        found = runpy.run_path(config) if own else vars(importlib.import_module(f"{CONFIGS}.{config}"))
        recipe = found["get_config"]() if "get_config" in found else None
    except Exception as error:  # of whatever type a person's own Python raises
        raise OptionError(f"{config}: its get_config fails ({type(error).__name__}: {error})") from error
    if not isinstance(recipe, Recipe):
        raise OptionError(f"{config}: get_config must return a jaxpose.recipes.config.Recipe, got {recipe!r:.80}")
    return recipe
