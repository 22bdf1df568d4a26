"""A real login: proof of work, code from the demo's outbox page, session."""

import html
import re
import secrets
from typing import Any

import altcha
import gevent
import orjson

from loadtests.rehearsal.visitor import Visitor
from loadtests.rehearsal.world import WORLD

OWN = {"Sec-Fetch-Site": "same-origin"}
CODE_S = 20.0
_LOOK_S = 1.0


def log_in(visitor: Visitor, number: int) -> str | None:
    """The token of a new account, or None where login is refused, or no code comes within 20 s."""
    identity = f"dien-tap-{number}-{secrets.token_hex(4)}@example.vn"
    visitor.ask("page", "GET", "/dang-nhap")
    challenge = visitor.ask("login", "GET", "/api/login/challenge")
    if challenge.status != 200:
        return None
    # In a thread: it would keep everybody of this process waiting. Voters' own machines do this work.
    proof = gevent.get_hub().threadpool.apply(_solve, (orjson.loads(challenge.body),))
    asking = {"kind": "email", "identity": identity, "altcha": proof}
    if visitor.ask("login", "POST", "/api/login/code", headers=OWN, json=asking).status != 202:
        return None
    code = _wait_for_code(visitor, identity)
    if code is None:
        return None
    entering = {"kind": "email", "identity": identity, "code": code}
    entered = visitor.ask("login", "POST", "/api/login", headers=OWN, json=entering)
    return str(orjson.loads(entered.body)["token"]) if entered.status == 200 else None


def _wait_for_code(visitor: Visitor, identity: str) -> str | None:
    pattern = re.compile(re.escape(identity) + r"\b.*?: (\d{6})\b", re.DOTALL)
    until = WORLD.now() + CODE_S
    while WORLD.now() < until:
        gevent.sleep(_LOOK_S)
        found = pattern.search(html.unescape(visitor.ask("login", "GET", WORLD.plan.outbox).body.decode()))
        if found:
            return found[1]
    return None


def _solve(document: dict[str, Any]) -> str:
    challenge = altcha.Challenge.from_dict(document)
    solution = altcha.solve_challenge(challenge)
    if solution is None:
        raise ValueError("the proof of work was not solved")
    payload: str = altcha.Payload(challenge, solution).to_base64()
    return payload
