"""What comes from the host while a turn is in flight: answers, each for the code that waits for it.

Several threads may wait. Whoever finds something to read reads it for all, and wakes the others by
a pipe that each of them has. Nothing here blocks but ``Waiter.wait``, and that is where an
interrupt gets through.
"""

from __future__ import annotations

import os
import select
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Set

from . import frames
from .pristine import __builtins__

# What the host lets one turn have at the same time; further calls wait for a place.
CALLS_IN_FLIGHT_MAX = 8
# What the host lets one turn make in all.
CALLS_MAX = 10_000

# Calls have numbers from 1 on; this is where input goes.
INPUT = 0

_OVER = {"end": True, "error": "the turn ended before the tool answered"}

_poll = select.poll
_POLLIN = select.POLLIN
_pipe = os.pipe
_write = os.write
_close = os.close


class Waiter:
    """Code that waits for one answer."""

    __slots__ = ("answer", "fds")

    def __init__(self) -> None:
        self.answer: Optional[Dict[str, Any]] = None
        self.fds = _pipe()

    def give(self, answer: Dict[str, Any]) -> None:
        """Gives it its answer and wakes it."""
        self.answer = answer
        try:
            _write(self.fds[1], b"\0")
        except OSError:
            pass

    def wait(self, fd: int, read: Callable[[], None]) -> Dict[str, Any]:
        """Waits for the answer, reading what comes from the host meanwhile."""
        poller = _poll()
        poller.register(fd, _POLLIN)
        poller.register(self.fds[0], _POLLIN)
        while True:
            read()
            if self.answer is not None:
                return self.answer
            poller.poll()

    def close(self) -> None:
        """Lets go of its pipe."""
        fds, self.fds = self.fds, (-1, -1)
        for fd in fds:
            try:
                _close(fd)
            except OSError:
                pass


class _Call(NamedTuple):
    """A call of a tool that has no place yet."""

    waiter: Waiter
    name: str
    # JSON of its arguments.
    given: str


class Inbox:
    """Who waits for what in the turn in flight. Whoever uses it has the turn's lock."""

    def __init__(self) -> None:
        self._waiting: Dict[int, Waiter] = {}
        self._queue: List[_Call] = []
        self._in_flight: Set[int] = set()
        self._calls = 0
        # A signal handler of the user's may run in the middle of anything below.
        self.is_busy = False

    def expect_input(self, waiter: Waiter) -> None:
        """Makes somebody the one who gets the next line of input."""
        earlier = self._waiting.get(INPUT)
        self._waiting[INPUT] = waiter
        if earlier is not None:
            # The host answers the last question only.
            earlier.give(_OVER)

    def has_room(self) -> bool:
        """Whether this turn may make another call."""
        return self._calls + len(self._queue) < CALLS_MAX

    def queue(self, waiter: Waiter, name: str, given: str) -> None:
        """Takes a call, to be sent once there is a place for it."""
        self._queue.append(_Call(waiter, name, given))

    def forget(self, waiter: Waiter) -> None:
        """Nobody waits there any more. What was asked is still being answered."""
        self._queue = [each for each in self._queue if each.waiter is not waiter]
        for number, each in list(self._waiting.items()):
            if each is waiter:
                del self._waiting[number]

    def read(self, channel: frames.Channel, token: int) -> None:
        """Hands out the answers that have come, without waiting for more."""
        try:
            while True:
                frame = channel.take()
                if frame is not None:
                    self._hand_out(frame, token)
                elif channel.has_bytes():
                    channel.fill()
                else:
                    return
        except frames.Closed:
            frames.leave(0)
        except frames.Malformed as problem:
            frames.give_up(str(problem))

    def _hand_out(self, frame: frames.Frame, token: int) -> None:
        number: Any = INPUT
        if frame.kind == frames.TOOL_REPLY:
            number = frame.body.get("call")
        elif frame.kind != frames.INPUT_REPLY:
            frames.give_up("a frame of kind %d instead of an answer" % frame.kind)
        if frame.token != token or type(number) is not int:
            return
        self._in_flight.discard(number)
        waiter = self._waiting.pop(number, None)
        if waiter is not None:
            waiter.give(frame.body)

    def launch(self, send: Callable[[Dict[str, Any]], None]) -> None:
        """Sends calls for which there is a place."""
        while self._queue and len(self._in_flight) < CALLS_IN_FLIGHT_MAX:
            call = self._queue.pop(0)
            self._calls += 1
            number = self._calls
            self._in_flight.add(number)
            self._waiting[number] = call.waiter
            send({"call": number, "name": call.name, "input": call.given})

    def end(self) -> None:
        """The turn is over: whoever still waits is told so."""
        for waiter in self._waiting.values():
            waiter.give(_OVER)
        for call in self._queue:
            call.waiter.give(_OVER)
