"""What it costs to read a session token: ours against the well-kept libraries, one core, no memory of earlier tokens.

    python -m venv /tmp/tokens && /tmp/tokens/bin/pip install itsdangerous PyJWT joserfc
    PYTHONPATH=. /tmp/tokens/bin/python loadtests/bench/session_tokens.py

A library that is not installed is left out. Every reader is given a new token each time, as a spike of new voters is.
"""

import importlib.util
import sys
import time
from collections.abc import Callable

from api.sessions import Session, Sessions
from models.secrets import KeyRing

TOKENS = 20_000
SECRET = "a secret of thirty-two letters …"  # noqa: S105 - measured, not kept
ISSUED_AT = int(time.time())
Case = tuple[list[bytes], Callable[[bytes], object]]


def claims(account: int) -> dict[str, int]:
    """What a token must say, with the shortest names."""
    return {"c": 1, "a": account, "p": 1, "iat": ISSUED_AT, "exp": ISSUED_AT + 259_200}


def ours() -> Case:
    sessions = Sessions(KeyRing("identity", (SECRET,)))
    minted = [
        sessions.mint(Session(1, 2**62 + number, 1, ISSUED_AT, ISSUED_AT + 259_200)).encode()
        for number in range(TOKENS)
    ]
    return minted, sessions.read


def with_itsdangerous() -> Case:
    from itsdangerous import URLSafeSerializer  # noqa: PLC0415 - may be missing

    serializer = URLSafeSerializer([SECRET], salt="session")
    return [str(serializer.dumps(claims(2**62 + n))).encode() for n in range(TOKENS)], serializer.loads


def with_pyjwt() -> Case:
    import jwt  # noqa: PLC0415 - may be missing

    minted = [jwt.encode(claims(2**62 + n), SECRET, "HS256", headers={"kid": "1"}).encode() for n in range(TOKENS)]
    return minted, lambda token: jwt.decode(token, SECRET, ["HS256"])


def with_joserfc() -> Case:
    from joserfc import jwt  # noqa: PLC0415 - may be missing
    from joserfc.jwk import OctKey  # noqa: PLC0415 - may be missing

    key = OctKey.import_key(SECRET)
    minted = [jwt.encode({"alg": "HS256", "kid": "1"}, claims(2**62 + n), key).encode() for n in range(TOKENS)]
    return minted, lambda token: jwt.decode(token, key, ["HS256"])


CASES: dict[str, tuple[str | None, Callable[[], Case]]] = {
    "ours": (None, ours),
    "itsdangerous": ("itsdangerous", with_itsdangerous),
    "PyJWT HS256": ("jwt", with_pyjwt),
    "joserfc HS256": ("joserfc", with_joserfc),
}


def measure(make: Callable[[], Case]) -> tuple[float, int]:
    """Microseconds of processor time to read one token (the best of three rounds), and its length."""
    rounds = []
    for _ in range(3):
        tokens, read = make()
        began = time.process_time()
        for token in tokens:
            if not read(token):
                sys.exit("a genuine token was not read")
        rounds.append((time.process_time() - began) / len(tokens) * 1e6)
    return min(rounds), len(tokens[0])


def main() -> None:
    print(f"{'':<14} {'µs to read':>10} {'letters':>8}")  # noqa: T201 - a command prints
    for name, (module, make) in CASES.items():
        if module is None or importlib.util.find_spec(module):
            microseconds, letters = measure(make)
            print(f"{name:<14} {microseconds:>10.1f} {letters:>8}")  # noqa: T201 - a command prints


if __name__ == "__main__":
    main()
