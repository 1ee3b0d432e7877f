"""Requests made up from the documents of the API, such as they permit and such
as they forbid, one by one and in sequences: none may be answered by a server
error or in another form than the document's.

What is made up runs as code, so this is for a server that contains it."""

import argparse
import os
import subprocess
import sys
import sysconfig
import tempfile
import threading
from pathlib import Path

import httpx

import server as servers

SECONDS = 45  # for each part
REQUEST_SECONDS = 30
# Sessions that the sequences leave behind live no longer, so that a full server
# does not refuse everything else.
SESSION_SECONDS = 10
VARIABLES = {
    "SANDBOX_SESSION_MAX_LIFETIME": str(SESSION_SECONDS),
    "SANDBOX_SESSION_IDLE_TIMEOUT": str(SESSION_SECONDS),
    "SANDBOX_SESSION_GC_INTERVAL": "1",
}
# They stay open until their client leaves.
STREAMS = "/events$"

OUR_PATHS = "^/v1/"

# The published document leaves statuses and media types open.
PROTOCOL_CHECKS = ["not_a_server_error", "response_schema_conformance"]
# Otari's paths read numbers in strings and ignore fields they do not know, so
# much that their document forbids is let through.
CONTRACT_CHECKS = [
    *PROTOCOL_CHECKS,
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "unsupported_method",
    "use_after_free",
]
# That what a document forbids is refused is not judged: the fuzzer takes a parameter
# that it could not write down, and so left out, for one that was let through.
OUR_CHECKS = CONTRACT_CHECKS


def fuzz(document: str, url: str, checks: list[str], seconds: int, rest: list[str]) -> int:
    """Runs the fuzzer over one document and gives its exit status."""
    program = Path(sysconfig.get_path("scripts")) / "schemathesis"
    with tempfile.TemporaryDirectory() as leftovers:
        return subprocess.call(
            [
                program,
                "run",
                document,
                f"--url={url}",
                f"--checks={','.join(checks)}",
                "--mode=all",
                "--phases=examples,coverage,fuzzing,stateful",
                f"--max-time={seconds}",
                f"--request-timeout={REQUEST_SECONDS}",
                f"--exclude-path-regex={STREAMS}",
                "--suppress-health-check=all",
                "--continue-on-failure",
                "--no-shrink",
                "--warnings=off",
                *rest,
            ],
            cwd=leftovers,
        )


def sweep(url: str, done: threading.Event) -> None:
    """Deletes sessions made by the server's other API, which asks for no lifetime."""
    with httpx.Client(base_url=url, timeout=REQUEST_SECONDS, trust_env=False) as client:
        seen: set[str] = set()
        while not done.wait(SESSION_SECONDS):
            try:
                answer = client.get("/v1/sessions", params={"limit": 100})
                ids = {session["session_id"] for session in answer.json()["sessions"]}
                for name in ids & seen:
                    client.delete(f"/v1/sessions/{name}")
                seen = ids
            except (httpx.HTTPError, ValueError, KeyError):
                continue


def fuzz_all(url: str, seconds: int, rest: list[str]) -> bool:
    """Whether every document at hand holds."""
    done = threading.Event()
    sweeper = threading.Thread(target=sweep, args=(url, done), daemon=True)
    sweeper.start()
    own = f"{url}/openapi.json"
    parts = [
        (own, OUR_CHECKS, [f"--include-path-regex={OUR_PATHS}"]),
        (own, CONTRACT_CHECKS, [f"--exclude-path-regex={OUR_PATHS}"]),
    ]
    protocol = os.environ.get("CONTRACT_PROTOCOL")
    if protocol:
        parts.append((str(Path(protocol).resolve()), PROTOCOL_CHECKS, []))
    broken = [
        fuzz(document, url, checks, seconds, [*part, *rest])
        for document, checks, part in parts
    ]
    done.set()
    alive = httpx.get(f"{url}/health", trust_env=False).status_code == 200
    return alive and not any(broken)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=SECONDS, help="for each part")
    arguments, rest = parser.parse_known_args()
    running = os.environ.get("CONTRACT_URL")
    if running:
        return 0 if fuzz_all(running.rstrip("/"), arguments.seconds, rest) else 1
    with servers.Server(VARIABLES) as server:
        held = fuzz_all(server.url, arguments.seconds, rest)
        if not held:
            print(server.said(), file=sys.stderr)
        return 0 if held and server.is_alive() else 1


if __name__ == "__main__":
    sys.exit(main())
