"""A connection that sends any bytes, and reads answers strictly."""

import socket
import struct
import time
from dataclasses import dataclass, field


class Closed(Exception):
    """The server closed the connection before an answer was complete."""


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""
    interim: list[int] = field(default_factory=list)

    def header(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key == name.lower()]
        return found[0] if found else None


class Raw:
    def __init__(self, address: tuple[str, int], timeout: float = 30.0, receive_buffer: int = 0):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(address)
        self.buffer = b""

    def __enter__(self) -> "Raw":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> "Raw":
        """Sends all of it, or as much as is taken before the server hangs up."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return self

    def drip(self, data: bytes, pause: float, until: float) -> bool:
        """Sends byte by byte; says whether the server cut it off before the time was over."""
        deadline = time.monotonic() + until
        for byte in data:
            if time.monotonic() > deadline:
                return False
            try:
                self.socket.sendall(bytes([byte]))
            except OSError:
                return True
            if self._has_news(pause):
                return True
        return False

    def _has_news(self, pause: float) -> bool:
        self.socket.settimeout(pause)
        try:
            more = self.socket.recv(65536)
        except TimeoutError:
            return False
        except OSError:
            return True
        finally:
            self.socket.settimeout(30)
        self.buffer += more
        return True

    def half_close(self) -> None:
        """Sends no more; the server may have hung up before."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def reset(self) -> None:
        """Closes with RST instead of FIN."""
        linger = struct.pack("ii", 1, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.socket.close()

    def _more(self) -> None:
        try:
            more = self.socket.recv(65536)
        except ConnectionResetError:
            more = b""
        if not more:
            raise Closed(self.buffer[:200])
        self.buffer += more

    def _line(self) -> str:
        while b"\r\n" not in self.buffer:
            self._more()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line.decode("latin-1")

    def _bytes(self, count: int) -> bytes:
        while len(self.buffer) < count:
            self._more()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def _head(self) -> tuple[int, list[tuple[str, str]]]:
        status = int(self._line().split(" ")[1])
        headers = []
        while line := self._line():
            name, value = line.split(":", 1)
            headers.append((name.strip().lower(), value.strip()))
        return status, headers

    def answer(self, method: str = "GET") -> Answer:
        """The next answer. Interim ones (100) are told beside it; 101 is an answer."""
        interim = []
        status, headers = self._head()
        while 100 <= status < 200 and status != 101:
            interim.append(status)
            status, headers = self._head()
        answer = Answer(status, headers, interim=interim)
        if method != "HEAD" and status not in (101, 204, 304):
            answer.body = self._body(answer)
        return answer

    def _body(self, answer: Answer) -> bytes:
        if answer.header("transfer-encoding") == "chunked":
            return b"".join(iter(self._chunk, b""))
        length = answer.header("content-length")
        if length is not None:
            return self._bytes(int(length))
        return self.rest()

    def _chunk(self) -> bytes:
        size = int(self._line().split(";")[0], 16)
        data = self._bytes(size)
        assert self._line() == ""
        return data

    def rest(self) -> bytes:
        """Everything up to the end of the connection."""
        try:
            while True:
                self._more()
        except Closed:
            pass
        data, self.buffer = self.buffer, b""
        return data

    def is_closed(self, within: float = 5.0) -> bool:
        """Whether the server closes the connection, saying nothing more."""
        self.socket.settimeout(within)
        try:
            return self.buffer == b"" and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False
