"""The API as it is served: a real uvicorn on a real socket, in a thread of the test."""

import logging
import os
import socket
import threading
from pathlib import Path
from typing import Any

import httpx
import structlog
import uvicorn
from pydantic import SecretStr

from api.app import create_app
from api.protocol import BoundedHeads
from api.serve import uvicorn_config
from api.sessions import Session, Sessions
from models.event import Proof
from models.settings import Settings
from tests.api.contest import CONTEST_ID, KEYS
from tests.servers import as_role, as_user, wait_for

AWAY_DATABASE = "postgresql+psycopg://nobody@/none?host=/nonexistent"
LIFE_S = 86_400


def settings_for(box_url: str, **more: Any) -> Settings:
    """An API's, which speaks to the box as `app`, and to the ledger as the role of APIs."""
    if "database_url" in more:
        more["database_url"] = SecretStr(as_role(more["database_url"].get_secret_value(), "api"))
    values: dict[str, Any] = {
        "identity_key": SecretStr(KEYS.identity_key),
        "session_keys": SecretStr(",".join(KEYS.session_keys)),
        "ballot_box_url": SecretStr(as_user(box_url, "app")),
        "scratch_url": SecretStr("unix:///nonexistent/scratch.sock"),
        "database_url": SecretStr(AWAY_DATABASE),
        "web_concurrency": 1,
        "data_dir": Path("/nonexistent"),
    }
    return Settings(**(values | more))


class RunningApi:
    """Serves until `stop`. `client` speaks to it; `http(…)` makes a further one. `layer`: "lane" as it is served, or
    "asgi", where uvicorn's own protocol reads every request.
    """

    def __init__(self, settings: Settings, *, layer: str = "lane") -> None:
        self.settings = settings
        self.app = create_app(settings)
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.bind(("127.0.0.1", 0))
        self.port: int = listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        config = uvicorn_config(settings, self.app)
        if layer == "asgi":
            config.http = BoundedHeads
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listening]}, daemon=True)
        self._thread.start()
        wait_for(lambda: self._server.started, what="the API has started")
        self.client = httpx.Client(base_url=self.url, timeout=10)

    def stop(self) -> None:
        self.client.close()
        self._server.should_exit = True
        self._thread.join(10)
        assert not self._thread.is_alive()

    def wait_ready(self) -> None:
        wait_for(lambda: self.client.get("/health/ready").status_code == 200, what="the API is ready")

    def vote(self, entry: object = 1, token: str | None = None, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        return self.client.put(f"/api/entries/{entry}/vote", headers=headers | more.pop("headers", {}), **more)


def new_account() -> int:
    return int.from_bytes(os.urandom(8), "big") >> 1


def token_for(account: int, now: float, **claims: Any) -> str:
    """A genuine token; `claims` overrides fields of the session."""
    session = Session(CONTEST_ID, account, Proof.EMAIL, int(now) - 10, int(now) + LIFE_S)
    return Sessions(KEYS).mint(session._replace(**claims))


class Logged(logging.Handler):
    """Everything logged, by structlog and by the standard library: `(level, text)`."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.levelname.lower(), record.getMessage()))

    def keep(self, _logger: Any, method: str, event: Any) -> Any:
        self.lines.append((method, str(event)))
        raise structlog.DropEvent

    @property
    def errors(self) -> list[str]:
        return [text for level, text in self.lines if level in ("error", "critical", "exception")]
