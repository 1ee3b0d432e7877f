"""What has to hold of answers."""

import httpx

from .raw import Answer

# Words that only an answer would hold that lets the inside of the server out.
INSIDE = ("panicked", "src/", ".rs:", "RUST_BACKTRACE", "keys.json", "SELECT ", "sqlx")


def assert_refused(response: httpx.Response, *statuses: int) -> dict:
    """The answer has one of the statuses and our shape, and tells nothing of the inside."""
    assert response.status_code in statuses, (response.status_code, response.text[:500])
    assert response.headers.get("x-request-id"), "no X-Request-Id"
    if response.request.method == "HEAD":
        return {}
    return assert_shape(response)


def assert_shape(response: httpx.Response) -> dict:
    text = response.text
    assert not [word for word in INSIDE if word in text], text[:500]
    body = response.json()
    if set(body) == {"detail"}:
        return body
    assert set(body) == {"error", "request_id"}, body
    assert {"code", "message"} <= set(body["error"]), body
    assert body["request_id"] == response.headers["x-request-id"]
    return body["error"]


def assert_status(answer: Answer, *statuses: int) -> None:
    assert answer.status in statuses, (answer.status, answer.body[:300])


def without_request_id(response: httpx.Response) -> dict:
    """The body as two callers can compare it."""
    body = response.json()
    body.pop("request_id", None)
    return body


def text_of(stream: dict) -> str:
    """What a captured stream has kept."""
    return stream["head"] + stream["tail"]
