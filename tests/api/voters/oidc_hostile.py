"""An OpenID provider that answers whatever a test wants: a real HTTP server on a loopback port."""

import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import orjson
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import SecretStr

from models.oidc import Provider
from tests.api.running import RunningApi
from tests.api.voters.logging_in import OWN, TICKED
from tests.api.voters.oidc_real import leads_to

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "the secret of the client"
Reply = tuple[int, bytes | dict[str, Any]]


class HostileProvider:
    """Honest until a test changes `discovery` (fields over the true ones), `keys`, or `replies` (path → function)."""

    def __init__(self, name: str = "thu") -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}, auto_kid=False)
        self.asked: list[tuple[str, dict[str, str], str]] = []
        self.reset()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer({})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                self._answer({key: values[0] for key, values in parse_qs(body).items()})

            def _answer(self, form: dict[str, str]) -> None:
                outer.asked.append((self.path, form, self.headers.get("authorization", "")))
                status, body = outer.replies[self.path](form)
                sent = body if isinstance(body, bytes) else orjson.dumps(body)
                self.send_response(status)
                self.send_header("content-length", str(len(sent)))
                if 300 <= status < 400:
                    self.send_header("location", outer.issuer + "/elsewhere")
                self.end_headers()
                with suppress(OSError):  # a client that had enough
                    self.wfile.write(sent)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True, args=(0.01,))
        self._thread.start()
        self.provider = Provider(name, "Nhà Thử", self.issuer, "binhchon", SecretStr(SECRET))

    def reset(self) -> None:
        self.discovery: dict[str, Any] = {}
        self.keys: list[dict[str, Any]] = [self.key.as_dict(private=False)]
        self.asked.clear()
        self.replies: dict[str, Callable[[dict[str, str]], Reply]] = {
            "/.well-known/openid-configuration": lambda _: (200, self.document()),
            "/jwks": lambda _: (200, {"keys": self.keys}),
            "/token": lambda _: (500, b""),
            "/elsewhere": lambda _: (200, self.document()),
        }

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def document(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
        } | self.discovery

    def claims(self, expected_nonce: str, /, **changed: Any) -> dict[str, Any]:
        """Honest claims; None takes one away."""
        now = int(time.time())
        honest = {
            "iss": self.issuer,
            "sub": "nguoi-1",
            "aud": "binhchon",
            "exp": now + 600,
            "iat": now,
            "nonce": expected_nonce,
            "email": "an@example.vn",
            "email_verified": True,
        }
        return {name: value for name, value in (honest | changed).items() if value is not None}

    def sign(self, claims: dict[str, Any], key: Any = None, **header: Any) -> str:
        fields = {"alg": "RS256", "kid": "one"} | header
        return jwt.encode(
            {k: v for k, v in fields.items() if v is not None}, claims, key or self.key, ["RS256", "ES256"]
        )

    def gives(self, id_token: object, **more: Any) -> None:
        """The token endpoint answers with this ID token."""
        answer = {"access_token": "access", "token_type": "Bearer", "id_token": id_token} | more
        self.replies["/token"] = lambda _: (200, answer)


def begin(api: RunningApi, name: str = "thu", browser: httpx.Client | None = None, **fields: str) -> dict[str, str]:
    """Presses the button; the parameters that the provider gets."""
    page = (browser or api.client).post(f"{api.url}/login/oidc/{name}", data=TICKED | fields, headers=OWN)
    return {key: values[0] for key, values in parse_qs(urlsplit(leads_to(page)).query).items()}


def come_back(api: RunningApi, name: str = "thu", browser: httpx.Client | None = None, **query: str) -> httpx.Response:
    return (browser or api.client).get(f"{api.url}/login/oidc/{name}/callback", params=query)
