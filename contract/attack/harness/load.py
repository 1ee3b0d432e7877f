"""Clients that use a server in every way at once, and do not mind when it is gone."""

import random
import threading
import time

import httpx

# What a client may see when the server is killed under it.
GONE = (httpx.TransportError, httpx.StreamError)


class Load:
    def __init__(self, server, clients: int = 6):
        self.server = server
        self.stop = threading.Event()
        self.answered = 0
        self.wrong: list[str] = []
        self.threads = [threading.Thread(target=self._client, args=(n,)) for n in range(clients)]

    def __enter__(self) -> "Load":
        [thread.start() for thread in self.threads]
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        [thread.join() for thread in self.threads]

    def _client(self, seed: int) -> None:
        dice = random.Random(seed)
        while not self.stop.is_set():
            try:
                with self.server.client(timeout=20) as client:
                    self._use_a_session(client, dice)
            except GONE:
                time.sleep(0.1)
            except (KeyError, ValueError) as error:
                self.wrong.append(repr(error))

    def _use_a_session(self, client, dice: random.Random) -> None:
        made = client.post("/v1/sessions", json={})
        if made.status_code != 201:
            self.wrong.append(f"POST /v1/sessions: {made.status_code} {made.text[:200]}")
            time.sleep(0.2)
            return
        session = f"/v1/sessions/{made.json()['session_id']}"
        for _ in range(dice.randint(1, 6)):
            if self.stop.is_set():
                break
            answer = dice.choice(USES)(client, session)
            self.answered += 1
            if answer.status_code >= 500:
                self.wrong.append(
                    f"{answer.request.url.path}: {answer.status_code} {answer.text[:200]}"
                )
        if dice.random() < 0.7:
            client.delete(session)


def _turn(client, session):
    return client.post(f"{session}/turns", json={"code": "open('f', 'w').write('x' * 1000)"})


def _slow_turn(client, session):
    code = "import time, subprocess; subprocess.Popen(['sleep', '300']); time.sleep(0.5)"
    return client.post(f"{session}/turns", json={"code": code})


def _command(client, session):
    return client.post(f"{session}/commands", json={"shell": "sleep 0.1; echo x"})


def _background(client, session):
    return client.post(f"{session}/commands", json={"shell": "sleep 300", "background": True})


def _upload(client, session):
    return client.put(f"{session}/files/content", params={"path": "u"}, content=b"x" * 2_000_000)


def _run(client, _):
    return client.post("/v1/runs", json={"shell": "echo x; sleep 0.2"})


def _asynchronous(client, _):
    return client.post("/v1/runs", json={"shell": "sleep 300", "mode": "async"})


def _archive(client, session):
    return client.get(f"{session}/files/archive", params={"path": "", "format": "tar"})


USES = (_turn, _slow_turn, _command, _background, _upload, _run, _asynchronous, _archive)
