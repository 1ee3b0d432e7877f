"""The turn in flight: what may be sent for it, and by whom.

One object for the whole life of the process, ``turn``. Frames leave only while a turn is in
flight and only from the kernel's own process: what a late thread or a forked child wants to show
goes nowhere.
"""

from __future__ import annotations

import os
import threading
from typing import Any, Dict, Optional

from . import frames, interrupts
from .pristine import __builtins__

_getpid = os.getpid


class Turn:
    """The state of the turn in flight."""

    def __init__(self) -> None:
        self.channel: Optional[frames.Channel] = None
        self.token = 0
        self.in_flight = False
        self.allow_input = False
        self.silent = False
        self.shows = False
        self.count = 0
        self.pid = 0
        self.result: Optional[Dict[str, Any]] = None
        self._lock = threading.RLock()

    def open(self, channel: frames.Channel) -> None:
        """Gives the process its channel; it becomes the one that may send."""
        self.channel = channel
        self.pid = _getpid()
        self._lock = threading.RLock()

    def begin(self, token: int, allow_input: bool = False, silent: bool = False) -> None:
        """Opens a turn."""
        self.shows = True
        self._open(token, allow_input, silent)

    def begin_question(self, token: int) -> None:
        """Opens the answer to a question, which is one frame: what code shows goes nowhere."""
        self.shows = False
        self._open(token, allow_input=False, silent=True)

    def _open(self, token: int, allow_input: bool, silent: bool) -> None:
        self.token = token
        self.allow_input = allow_input
        self.silent = silent
        self.result = None
        self.in_flight = True
        if not silent:
            self.count += 1

    def is_ours(self) -> bool:
        """Whether this process is the kernel and not a child that user code forked."""
        return _getpid() == self.pid

    def may_ask(self) -> bool:
        """Whether the calling code may ask for input now."""
        return self.in_flight and self.allow_input and self.is_ours()

    def send(self, kind: int, body: Dict[str, Any]) -> None:
        """Sends a frame of this turn from within user code, whole even if interrupted."""
        interrupts.held_back(self._send_shown, kind, body)

    def _send_shown(self, kind: int, body: Dict[str, Any]) -> None:
        with self._lock:
            if self.shows:
                self.send_unheld(kind, body)

    def send_unheld(self, kind: int, body: Dict[str, Any]) -> None:
        """Sends a frame of this turn, where interrupts are ignored already."""
        with self._lock:
            channel = self.channel
            if self.in_flight and channel is not None and _getpid() == self.pid:
                channel.send(kind, self.token, body)

    def end(self, kind: int, body: Dict[str, Any]) -> None:
        """Sends the last frame of the turn and closes it."""
        self.end_encoded(kind, frames.encode(body))

    def end_encoded(self, kind: int, body: bytes) -> None:
        """The same where the body is JSON already."""
        with self._lock:
            channel = self.channel
            if self.in_flight and channel is not None:
                channel.send_encoded(kind, self.token, body)
            self.in_flight = False
            self.result = None

    def abandon(self) -> None:
        """In a child that user code forked: the channel belongs to the parent."""
        if self.channel is not None:
            self.channel.close()
        self._lock = threading.RLock()


turn = Turn()
