"""Connections to scratch: RQ and the workers' status. Voting never needs it."""

from collections.abc import Iterator
from contextlib import contextmanager

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

ScratchClient = redis.Redis
AsyncScratchClient = redis.asyncio.Redis

TIMEOUT_S = 2.0
CONNECTIONS = 32  # of one process


class ScratchAway(Exception):  # noqa: N818 - a state of scratch, as its callers speak of it
    """Scratch does not answer."""


def scratch_client(url: str, *, timeout: float | None = TIMEOUT_S) -> ScratchClient:
    """A client for workers and commands; RQ's blocking calls need one with `timeout=None`."""
    return redis.Redis.from_url(
        url, socket_timeout=timeout, socket_connect_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 0), protocol=2
    )


def async_scratch(url: str) -> AsyncScratchClient:
    """A client for the API. Calls beyond CONNECTIONS at a time wait for their turn: redis-py's own pool would refuse
    them, and a wave of logins would look like a scratch that is away.
    """
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=TIMEOUT_S,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=AsyncRetry(NoBackoff(), 0),
        protocol=2,
    )
    return redis.asyncio.Redis.from_pool(pool)


@contextmanager
def scratch_errors() -> Iterator[None]:
    """Translates the client's errors into ScratchAway."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise ScratchAway(str(error) or type(error).__name__) from error
