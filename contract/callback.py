"""A small HTTP server that plays the other side of programmatic tools."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def echo(request: dict) -> dict:
    """Gives back the arguments of the call."""
    return {"content": request["body"]["input"], "is_error": False}


class Callback:
    """Records what it is asked and answers by a function of the request."""

    def __init__(self, answer=None):
        self.requests: list[dict] = []
        self.answer = answer or echo
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", "0"))
                request = {
                    "path": self.path,
                    "headers": {name.lower(): value for name, value in self.headers.items()},
                    "body": json.loads(self.rfile.read(length)),
                }
                owner.requests.append(request)
                owner.reply(self, owner.answer(request))

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/call"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @staticmethod
    def reply(handler: BaseHTTPRequestHandler, answer: object) -> None:
        """A number is a status, bytes are a body, anything else is JSON."""
        status = answer if isinstance(answer, int) else 200
        body = b"" if isinstance(answer, int) else answer
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        try:
            handler.send_response(status)
            handler.send_header("content-type", "application/json")
            handler.send_header("content-length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
        except OSError:
            pass  # the caller gave up waiting, which some tests want

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
