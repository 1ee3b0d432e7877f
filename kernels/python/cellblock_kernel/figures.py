"""Figures of matplotlib: shown when ``plt.show()`` is called or when the turn ends, then closed.

Nothing here imports matplotlib. When user code does, its ``show`` is replaced right after.
"""

from __future__ import annotations

import importlib.abc
import io
import os
import sys
from typing import Any, Dict, List, Optional, Sequence

from . import display, formatter, stdio
from .exceptions import text_of
from .pristine import __builtins__

BACKEND = "agg"
# Figures that one turn shows; one that makes more is a mistake in a loop.
FIGURES_MAX = 200

PYPLOT = "matplotlib.pyplot"
_modules = sys.modules


class _Shown:
    """Figures that the turn displayed by themselves, so that its end does not show them again."""

    figures: List[Any] = []


def undo_for_script() -> None:
    """Takes the choice of a backend back where the kernel made it, as far as that is seen."""
    if _Choice.is_ours:
        os.environ.pop("MPLBACKEND", None)


def choose() -> None:
    """Chooses a backend without windows, unless somebody has; else matplotlib looks for one."""
    _Choice.is_ours = "MPLBACKEND" not in os.environ
    os.environ.setdefault("MPLBACKEND", BACKEND)


class _Choice:
    """Whether the backend was chosen by us."""

    is_ours = False


def install() -> None:
    """Chooses a backend without windows and waits for matplotlib."""
    os.environ["MPLBACKEND"] = BACKEND
    formatter.register("matplotlib.figure", "Figure", _png_form)
    if PYPLOT in sys.modules:
        _take_over(sys.modules[PYPLOT])
    elif not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def close_fonts() -> None:
    """Closes the font files that matplotlib keeps open: a fork may not keep its descriptors."""
    fonts: Any = _modules.get("matplotlib.font_manager")
    clear = getattr(getattr(fonts, "_get_font", None), "cache_clear", None)
    if clear is not None:
        clear()


class _Finder(importlib.abc.MetaPathFinder):
    """Sees the import of pyplot; finds nothing by itself."""

    def find_spec(self, name: str, path: Optional[Sequence[str]], target: Any = None) -> Any:
        """Wraps the loader that the other finders give."""
        if name != PYPLOT:
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                _take_over_after(spec.loader)
                return spec
        return None


def _take_over_after(loader: Any) -> None:
    run = loader.exec_module

    def exec_module(module: Any) -> None:
        run(module)
        _take_over(module)

    loader.exec_module = exec_module


def _take_over(pyplot: Any) -> None:
    show_by_backend = pyplot.show

    def show(*arguments: Any, **options: Any) -> None:
        """Shows every open figure and closes it."""
        show_all(pyplot)

    show.__doc__ = show_by_backend.__doc__ or show.__doc__
    pyplot.show = show


def show_open() -> None:
    """Shows what the turn left open. Called at the end of every turn."""
    pyplot = _modules.get(PYPLOT)
    if pyplot is not None:
        show_all(pyplot)
        _Shown.figures.clear()


def show_all(pyplot: Any) -> None:
    """Shows the open figures in the order in which they were made, and closes all."""
    numbers = pyplot.get_fignums()
    if not numbers:
        return
    try:
        for number in numbers[:FIGURES_MAX]:
            _show(pyplot.figure(number))
    finally:
        pyplot.close("all")
        _Shown.figures.clear()
    if len(numbers) > FIGURES_MAX:
        left_out = len(numbers) - FIGURES_MAX
        stdio.complain("%d figures were closed without being shown\n" % left_out)


def _show(figure: Any) -> None:
    if any(shown is figure for shown in _Shown.figures):
        return
    data, metadata = formatter.forms_of(figure)
    if "image/png" in data:
        display.send_bundle(data, metadata)


def png(figure: Any) -> Optional[bytes]:
    """A figure as PNG, cut to what is drawn; nothing for an empty one."""
    if not figure.axes and not figure.lines and not figure.texts and not figure.images:
        return None
    file = io.BytesIO()
    try:
        figure.savefig(file, format="png", dpi=figure.dpi, bbox_inches="tight")
    except Exception as problem:
        stdio.complain("a figure could not be drawn:\n" + text_of(problem))
        return None
    _Shown.figures.append(figure)
    return file.getvalue()


def _png_form(figure: Any) -> Optional[Dict[str, Any]]:
    made = png(figure)
    return None if made is None else {"image/png": made}
