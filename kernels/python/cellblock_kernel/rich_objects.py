"""Objects that are shown in one form: what ``IPython.display`` has, for cells without IPython."""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

from .formatter import json_form
from .pristine import __builtins__


class Shown:
    """Data with a MIME type, given as it is or by the name of a file that holds it."""

    mime = "text/plain"
    binary = False

    def __init__(
        self,
        data: Any = None,
        url: Optional[str] = None,
        filename: Optional[str] = None,
        metadata: Optional[Dict[str, Any]] = None,
    ) -> None:
        if url is not None:
            raise ValueError("data from a URL has to be fetched by the cell itself")
        if filename is not None:
            with open(filename, "rb") as file:
                data = file.read()
            if not self.binary:
                data = data.decode("utf-8")
        self.data = data
        self.metadata = metadata

    def __repr__(self) -> str:
        return "<%s object>" % type(self).__name__

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Tuple[Any, Any]:
        form = self.data
        metadata = {self.mime: self.metadata} if self.metadata else {}
        return {} if form is None else {self.mime: form}, metadata


class HTML(Shown):
    """A piece of HTML."""

    mime = "text/html"


class Markdown(Shown):
    """A text in Markdown."""

    mime = "text/markdown"


class Latex(Shown):
    """A text in LaTeX."""

    mime = "text/latex"


class Math(Latex):
    """A formula in LaTeX."""

    def __init__(self, data: Any = None, **options: Any) -> None:
        super().__init__("$\\displaystyle %s$" % str(data).strip("$"), **options)


class SVG(Shown):
    """A drawing in SVG."""

    mime = "image/svg+xml"


class Javascript(Shown):
    """A script for the page that shows the session."""

    mime = "application/javascript"


class Pretty(Shown):
    """A plain text, shown as it is."""

    mime = "text/plain"


class JSON(Shown):
    """A value to be looked at as a tree."""

    mime = "application/json"

    def __init__(self, data: Any = None, **options: Any) -> None:
        super().__init__(json_form(data), **options)


class Image(Shown):
    """A picture in PNG or JPEG."""

    binary = True

    def __init__(
        self,
        data: Any = None,
        url: Optional[str] = None,
        filename: Optional[str] = None,
        format: Optional[str] = None,
        width: Optional[int] = None,
        height: Optional[int] = None,
        **ignored: Any,
    ) -> None:
        if isinstance(data, str):
            data, filename = None, data
        sizes = {"width": width, "height": height}
        metadata = {name: size for name, size in sizes.items() if size is not None}
        super().__init__(data, url, filename, metadata)
        is_jpeg = bytes(self.data or b"")[:3] == b"\xff\xd8\xff"
        if format is not None:
            is_jpeg = format.lower() in ("jpg", "jpeg")
        self.mime = "image/jpeg" if is_jpeg else "image/png"
