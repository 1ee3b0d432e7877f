"""The turn in flight: what may be sent for it, and by whom.

One object for the whole life of the process, ``turn``. Frames leave only while a turn is in
flight and only from the kernel's own process: what a late thread or a forked child wants to show
goes nowhere.
"""

from __future__ import annotations

import os
import threading
from typing import Any, Callable, Dict, Optional

from . import frames, interrupts
from .inbox import CALLS_MAX, Inbox, Waiter
from .pristine import __builtins__

_getpid = os.getpid


class Refused(Exception):
    """The host cannot be asked now."""


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
        self._inbox = Inbox()
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

    def may_call(self) -> bool:
        """Whether the calling code may call tools now."""
        return self.in_flight and self.shows and self.is_ours()

    def ask_for_input(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Asks the caller for input and waits for the answer."""

        def ask(waiter: Waiter) -> None:
            self._inbox.expect_input(waiter)
            self.send_unheld(frames.INPUT_REQUEST, request)

        return self._ask(ask)

    def call_tool(self, name: str, given: str) -> Dict[str, Any]:
        """Has the host call a tool and waits for the answer."""

        def call(waiter: Waiter) -> None:
            if not self._inbox.has_room():
                raise Refused("one turn makes %d tool calls at most" % CALLS_MAX)
            self._inbox.queue(waiter, name, given)

        return self._ask(call)

    def _ask(self, ask: Callable[[Waiter], None]) -> Dict[str, Any]:
        waiter = Waiter()
        try:
            interrupts.held_back(self._locked, ask, waiter)
            channel = self.channel
            assert channel is not None
            return waiter.wait(channel.fd, self._read)
        finally:
            interrupts.held_back(self._leave, waiter)

    def _locked(self, act: Callable[..., None], *arguments: Any) -> None:
        """Does something with the inbox, and what is to be done because of it."""
        with self._lock:
            inbox = self._inbox
            if inbox.is_busy:
                # The lock is ours already: a signal handler has come between.
                raise Refused("the host cannot be asked in this signal handler")
            inbox.is_busy = True
            try:
                if not self.in_flight:
                    raise Refused("no turn is in flight")
                act(*arguments)
                inbox.launch(self._send_call)
            finally:
                inbox.is_busy = False

    def _read(self) -> None:
        interrupts.held_back(self._read_unheld)

    def _read_unheld(self) -> None:
        with self._lock:
            channel = self.channel
            # Who waits was told if the turn is over.
            if self.in_flight and channel is not None:
                self._locked(self._inbox.read, channel, self.token)

    def _send_call(self, body: Dict[str, Any]) -> None:
        self.send_unheld(frames.TOOL_CALL, body)

    def _leave(self, waiter: Waiter) -> None:
        with self._lock:
            # A signal handler that came between was refused, so there is nothing to forget.
            if not self._inbox.is_busy:
                self._inbox.forget(waiter)
            waiter.close()

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
            self._inbox.end()
            self._inbox = Inbox()

    def abandon(self) -> None:
        """In a child that user code forked: the channel belongs to the parent."""
        if self.channel is not None:
            self.channel.close()
        self._inbox = Inbox()
        self._lock = threading.RLock()


turn = Turn()
