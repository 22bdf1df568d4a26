"""What all who come have in common: they come at their moment, ask over a connection of their own, and go."""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import gevent
import gevent.ssl
from locust import constant, task
from locust.contrib.fasthttp import FAILURE_EXCEPTIONS, FastHttpUser
from locust.exception import StopUser

from loadtests.rehearsal.counts import bucket
from loadtests.rehearsal.world import CHANCE, WORLD

THINK_S = 1.2
"""At an average, between two pages. Voters take longer; a rehearsal is about how many come, not how long they stay."""
ANSWER_S = 10.0


def _shared_tls() -> Callable[..., Any]:
    """Makes the TLS context of all visitors, once: each is a new connection, and reading the list of authorities takes
    longer than all that a voter asks for.
    """
    made: list[Any] = []

    def context(cafile: str | None = None) -> Any:
        if not made:
            made.append(gevent.ssl.create_default_context())  # the machine's authorities, or SSL_CERT_FILE's
            if cafile:
                made[0].load_verify_locations(cafile=cafile)
        return made[0]

    return context


class Answer(NamedTuple):
    """`status` is 0 where the connection broke or no answer came in time."""

    status: int
    body: bytes = b""
    retry_after: float | None = None
    etag: str = ""


class Visitor(FastHttpUser):
    """A place that one person after another takes; each of them is a new connection, as from a browser of its own."""

    abstract = True
    network_timeout = connection_timeout = ANSWER_S
    insecure = False
    ssl_context_factory = staticmethod(_shared_tls())
    wait_time = constant(0)
    host = WORLD.plan.address
    kind: ClassVar[str] = ""

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        cls.fixed_count = WORLD.plan.slots.get(cls.kind, 0)

    def on_start(self) -> None:
        WORLD.board.take("here")

    @task
    def come(self) -> None:
        WORLD.started.wait()
        number = WORLD.board.take(f"taken.{self.kind}")
        if number >= WORLD.plan.people[self.kind] or WORLD.board.get("stop"):
            raise StopUser
        due = WORLD.due(self.kind, number)
        gevent.sleep(max(0.0, due - WORLD.now()))
        if WORLD.board.get("stop"):
            raise StopUser
        WORLD.count(f"late.{bucket((WORLD.now() - due) * 1000)}")
        WORLD.count(f"come.{self.kind}")
        try:
            self.visit(number)
        except Exception:
            WORLD.count("error")
            raise
        finally:
            WORLD.board.take(f"finished.{self.kind}")
            self.client.client.close()
            self.client.cookiejar.clear()

    def visit(self, number: int) -> None:
        """What person `number` does, from coming to leaving. Each kind of visitor has its own."""
        raise NotImplementedError

    def ask(
        self,
        what: str,
        method: str,
        path: str,
        *,
        name: str = "",
        headers: dict[str, str] | None = None,
        json: Any = None,
        fine: tuple[int, ...] = (),
    ) -> Answer:
        """One request. `what`: as in counts.py; `fine`: refusals that are the right answer."""
        WORLD.count(f"sent.{what}")
        began = WORLD.now()
        with self.client.request(
            method, path, name=name or path, headers=headers, json=json, catch_response=True, allow_redirects=False
        ) as response:
            answer = _read(response)
            if answer.status in fine:
                response.success()
            elif answer.status == 0:
                response.failure("the connection broke")
        WORLD.count(f"status.{what}.{answer.status}")
        if 0 < answer.status < 500:  # who is sent away at once was not answered fast
            WORLD.count(f"ms.{what}.{bucket((WORLD.now() - began) * 1000)}")
        if answer.status == 503 and answer.retry_after is None:
            WORLD.count("bare503")
        return answer

    def first_page(self, path: str, name: str) -> None:
        """A page with what a browser loads with it that has nothing of the site yet."""
        self.ask("page", "GET", path, name=name)
        for asset in WORLD.plan.assets:
            self.ask("asset", "GET", asset, name="(asset)")

    def think(self, mean: float = THINK_S) -> None:
        gevent.sleep(min(3 * mean, CHANCE.expovariate(1 / mean)))


def _read(response: Any) -> Answer:
    try:
        body = response.content or b""
    except FAILURE_EXCEPTIONS:
        return Answer(0)
    if not response.status_code:
        return Answer(0)
    waits = response.headers.get("retry-after")
    return Answer(
        response.status_code,
        body,
        float(waits) if waits and waits.isdigit() else None,
        response.headers.get("etag", ""),
    )
