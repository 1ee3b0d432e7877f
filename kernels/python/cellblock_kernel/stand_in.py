"""``IPython.display`` for cells in environments without IPython.

Most code that shows something imports from there. The stand-in is found after everything else,
so that the real IPython, once installed, is never hidden; ``get_ipython`` returns nothing, by which
libraries see that no IPython is running.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from types import ModuleType
from typing import Any, Optional, Sequence

from . import display, rich_objects
from .pristine import __builtins__

_DISPLAY = "IPython.display"
_NAMES = ("IPython", _DISPLAY)
_FUNCTIONS = (
    display.DisplayHandle,
    display.clear_output,
    display.display,
    display.publish_display_data,
    display.update_display,
)
_CLASSES = (
    rich_objects.HTML,
    rich_objects.Image,
    rich_objects.JSON,
    rich_objects.Javascript,
    rich_objects.Latex,
    rich_objects.Markdown,
    rich_objects.Math,
    rich_objects.Pretty,
    rich_objects.SVG,
)


def install(first: bool = False) -> None:
    """Lets the stand-in be imported; ``first`` hides a real IPython that is not to be used."""
    sys.meta_path.insert(0 if first else len(sys.meta_path), _Finder())


def uninstall() -> None:
    """Takes the stand-in away from what is imported later."""
    sys.meta_path[:] = [each for each in sys.meta_path if not isinstance(each, _Finder)]


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds and makes the two modules."""

    def find_spec(self, name: str, path: Optional[Sequence[str]], target: Any = None) -> Any:
        """Finds them by name."""
        if name not in _NAMES:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=name == _NAMES[0])

    def create_module(self, spec: Any) -> None:
        """A usual module will do."""

    def exec_module(self, module: ModuleType) -> None:
        """Fills a module."""
        names = vars(module)
        if module.__name__ == _DISPLAY:
            names.update({each.__name__: each for each in (*_FUNCTIONS, *_CLASSES)})
        else:
            names.update(get_ipython=_nothing, version_info=(0, 0, 0), __version__="0.0.0")
            names["display"] = importlib.import_module(_DISPLAY)


def _nothing() -> None:
    """There is no running IPython."""
