"""``display()`` and what belongs to it, as IPython has them, for cells without IPython."""

from __future__ import annotations

import binascii
import os
from typing import Any, Dict, List, Optional

from . import formatter, frames
from .pristine import __builtins__
from .turn import turn

ID_CHARS_MAX = 256

_urandom = os.urandom
_hexlify = binascii.hexlify


class DisplayHandle:
    """A display that can be replaced later."""

    def __init__(self, display_id: Optional[str] = None) -> None:
        self.display_id = display_id or _hexlify(_urandom(16)).decode("ascii")

    def __repr__(self) -> str:
        return "<DisplayHandle display_id=%s>" % self.display_id

    def display(self, value: Any, **options: Any) -> None:
        """Shows a value under this handle."""
        display(value, display_id=self.display_id, **options)

    def update(self, value: Any, **options: Any) -> None:
        """Puts a value in place of what the handle shows."""
        update_display(value, display_id=self.display_id, **options)


def display(
    *values: Any,
    include: Any = None,
    exclude: Any = None,
    metadata: Optional[Dict[str, Any]] = None,
    transient: Optional[Dict[str, Any]] = None,
    display_id: Any = None,
    raw: bool = False,
    clear: bool = False,
    update: bool = False,
    **ignored: Any,
) -> Optional[DisplayHandle]:
    """Shows values in all the forms that they have."""
    if display_id is None and transient:
        display_id = transient.get("display_id")
    handle = None
    if display_id is True:
        handle = DisplayHandle()
    elif display_id is not None:
        handle = DisplayHandle(str(display_id)[:ID_CHARS_MAX])
    if clear:
        clear_output(wait=True)
    for value in values:
        if not raw and _shows_itself(value):
            continue
        data, own = (formatter.clean(dict(value)), {}) if raw else formatter.forms_of(value)
        own.update(formatter.metadata_of(metadata))
        display_id = handle.display_id if handle else None
        send_bundle(_chosen(data, include, exclude), own, display_id, update)
    return handle


def _shows_itself(value: Any) -> bool:
    method = formatter.method_of(value, "_ipython_display_")
    if method is None:
        return False
    try:
        method()
        return True
    except NotImplementedError:
        return False


def _chosen(data: formatter.Bundle, include: Any, exclude: Any) -> formatter.Bundle:
    if include:
        data = {mime: form for mime, form in data.items() if mime in include}
    if exclude:
        data = {mime: form for mime, form in data.items() if mime not in exclude}
    return data


def send_bundle(
    data: formatter.Bundle,
    metadata: Dict[str, Any],
    display_id: Optional[str] = None,
    update: bool = False,
) -> None:
    """Sends a display, or a note in its place if it is too long for one frame."""
    body = {"data": data, "metadata": metadata, "display_id": display_id, "update": update}
    try:
        turn.send(frames.DISPLAY, body)
    except frames.TooLong as problem:
        body["data"], body["metadata"] = left_out(data, problem), {}
        turn.send(frames.DISPLAY, body)


def left_out(data: formatter.Bundle, problem: frames.TooLong) -> formatter.Bundle:
    """The bundle that stands for one that is too long."""
    types: List[str] = sorted(data)
    return {"text/plain": "<%s left out: %s>" % (", ".join(types), problem)}


def update_display(value: Any, *, display_id: str, **options: Any) -> None:
    """Puts a value in place of what was shown under an id."""
    display(value, display_id=display_id, update=True, **options)


def clear_output(wait: bool = False) -> None:
    """Takes back what the turn has shown so far."""
    turn.send(frames.CLEAR, {"wait": bool(wait)})


def publish_display_data(
    data: Dict[str, Any],
    metadata: Optional[Dict[str, Any]] = None,
    *,
    transient: Optional[Dict[str, Any]] = None,
    update: bool = False,
    **ignored: Any,
) -> None:
    """Shows a ready bundle."""
    display(data, raw=True, metadata=metadata, transient=transient, update=update)


def display_result(value: Any) -> None:
    """What ``sys.displayhook`` is: keeps the value of the cell's last expression to report."""
    if value is None or turn.silent:
        return
    if _shows_itself(value):
        return
    data, metadata = formatter.forms_of(value)
    if turn.result is None:
        turn.result = {"data": data, "metadata": metadata, "count": turn.count}
    else:
        send_bundle(data, metadata)
