"""The user's ``__main__``: a module of its own that outlives every turn."""

from __future__ import annotations

import builtins
import sys
from types import ModuleType
from typing import Any, Dict

from .pristine import __builtins__


def fresh_main() -> ModuleType:
    """Makes an empty ``__main__`` and puts it into ``sys.modules``."""
    module = ModuleType("__main__")
    module.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = module
    return module


def mend(module: ModuleType, names: Dict[str, Any]) -> None:
    """Puts back what user code removed and what every turn needs."""
    if "__builtins__" not in names:
        names["__builtins__"] = builtins
    modules = sys.modules
    if modules.get("__main__") is not module:
        modules["__main__"] = module
    if "sys" not in modules:
        # Python would import a second one, which lacks most of its names.
        modules["sys"], modules["builtins"] = sys, builtins
