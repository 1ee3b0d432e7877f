"""Messages as they are on the wire."""

import json

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "0"},
    },
}
ACCEPTS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


def message(response) -> dict:
    """The one message of a response, be it JSON or a stream of events."""
    if response.headers["content-type"].startswith("text/event-stream"):
        lines = [line[5:] for line in response.text.splitlines() if line.startswith("data:")]
        (data,) = [line for line in lines if line.strip()]
        return json.loads(data)
    return response.json()
