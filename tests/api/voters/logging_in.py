"""What the tests of login do: solve a challenge, ask for a code, read it where the worker would."""

import re
from typing import Any

import altcha
import httpx
import orjson
import redis
from pydantic import SecretStr

from models.scratch.codes import code_of
from tests.api.contest import KEYS
from tests.api.running import RunningApi

OWN = {"Sec-Fetch-Site": "same-origin"}
TICKED = {"counting": "1", "protection": "1", "residence": "1"}
"""Everything that a voter on the pages agrees to."""
MAIL = {"smtp_url": SecretStr("smtp://127.0.0.1:1"), "mail_from": "binhchon@example.vn"}
"""Settings of a mail server that nobody asks for anything."""
PROOF_COST = 10  # iterations: a solution takes milliseconds


def solve(challenge: dict[str, Any]) -> str:
    """The payload of a solved challenge, as ALTCHA's widget sends it."""
    made = altcha.Challenge.from_dict(challenge)
    solution = altcha.solve_challenge(made)
    assert solution is not None
    return altcha.Payload(made, solution).to_base64()


def proof(api: RunningApi) -> str:
    return solve(api.client.get("/api/login/challenge").json())


def ask(api: RunningApi, identity: str, *, altcha: str | None = None, **more: Any) -> httpx.Response:
    body = {"kind": "email", "identity": identity, "altcha": proof(api) if altcha is None else altcha}
    return api.client.post("/api/login/code", json=body | more, headers=OWN)


def enter(api: RunningApi, identity: str, code: str, **more: Any) -> httpx.Response:
    return api.client.post(
        "/api/login", json={"kind": "email", "identity": identity, "code": code}, headers=OWN, **more
    )


def send(api: RunningApi, path: str, **fields: str) -> httpx.Response:
    """Posts a form with every box ticked, and goes on to the page that asks for the code where it leads there."""
    answer = api.client.post(path, data=TICKED | fields, headers=OWN)
    address = answer.headers.get("location", "")
    return api.client.get(address) if "/dang-nhap/ma" in address else answer


def messages(scratch: str) -> list[dict[str, Any]]:
    """What waits in the outbox."""
    with redis.Redis.from_url(scratch) as client:
        keys = [b"outbox:message:" + number for number in client.zrange("outbox:due", 0, -1)]
        return [orjson.loads(client.hget(key, "message")) for key in keys]


def code_for(scratch: str, address: str) -> str:
    """The one code on its way to `address`."""
    [message] = [found for found in messages(scratch) if found["to"] == address]
    return code_of(KEYS, message["nonce"])


def let_pass(scratch: str, pattern: str) -> None:
    """Ends the life of what matches, as time would."""
    with redis.Redis.from_url(scratch) as client:
        for key in client.scan_iter(match=pattern):
            client.delete(key)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def cookie_of(response: httpx.Response) -> str:
    found = re.match(r"session=([\w-]*);", response.headers["set-cookie"])
    assert found, response.headers["set-cookie"]
    return found[1]
