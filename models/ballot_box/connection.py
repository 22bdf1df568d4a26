"""Connections to the box. On every new one its settings and role are read, and a box that is set otherwise is refused.

Nothing here sends a command twice by itself: redis-py's own retries (10 unless told otherwise) are off, and a call that
takes longer than its client's time-out is given up and its connection closed, so that no caller gets another's answer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoPermissionError, OutOfMemoryError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from models.ballot_box import library
from models.ballot_box.keys import ShardKeys

TIMEOUT_S = 1.5
CONNECTIONS = 32  # of one client of the API
WORKER_TIMEOUT_S = 30.0  # workers read and write in bulk, and nobody waits for them

REQUIRED_SETTINGS = {
    "appendonly": "yes",
    "appendfsync": "always",
    "no-appendfsync-on-rewrite": "no",
    "maxmemory-policy": "noeviction",
    "io-threads": "1",
}


class BoxAway(Exception):  # noqa: N818 - a state of the box, as its callers speak of it
    """The box does not answer: gone, hung, loading or unreachable."""


class BoxRefused(Exception):  # noqa: N818 - as above
    """The server is no box that votes may be trusted to: wrong settings or role. The text names them."""


class BoxFull(Exception):  # noqa: N818 - as above
    """The box is at its `maxmemory`: nothing was written."""


BoxClient = redis.Redis


def _problems(config: Any, role: Any) -> str | None:
    """What is wrong with a server's settings, in words, from its replies to CONFIG GET and ROLE."""
    pairs = config.items() if isinstance(config, dict) else zip(config[::2], config[1::2], strict=True)
    found = {_text(name): _text(value) for name, value in pairs}
    wrong = [
        f"{name} is {found.get(name)!r}, must be {want!r}"
        for name, want in REQUIRED_SETTINGS.items()
        if found.get(name) != want
    ]
    if found.get("maxmemory", "0") == "0":
        wrong.append("maxmemory is not set")
    if _text(role[0]) != "master":
        wrong.append(f"its role is {_text(role[0])}")
    return f"the box is not set as votes need it: {'; '.join(wrong)}" if wrong else None


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


_SETTINGS_QUERY = ("CONFIG", "GET", *REQUIRED_SETTINGS, "maxmemory")


def _check(connection: Any) -> None:
    try:
        connection.on_connect()
        connection.send_command(*_SETTINGS_QUERY)
        config = connection.read_response()
        connection.send_command("ROLE")
        if wrong := _problems(config, connection.read_response()):
            raise BoxRefused(wrong)  # noqa: TRY301 - it must close the connection as every other error does
    except BaseException:
        connection.disconnect()  # redis-py does so for its own errors only, and would use the unchecked connection next
        raise


async def _check_async(connection: Any) -> None:
    try:
        await connection.on_connect()
        await connection.send_command(*_SETTINGS_QUERY)
        config = await connection.read_response()
        await connection.send_command("ROLE")
        if wrong := _problems(config, await connection.read_response()):
            raise BoxRefused(wrong)  # noqa: TRY301 - it must close the connection as every other error does
    except BaseException:
        await connection.disconnect(nowait=True)  # as above; a cancelled check too
        raise


def box_client(url: str, *, timeout: float = WORKER_TIMEOUT_S) -> redis.Redis:
    """A client for workers and commands. Replies are bytes."""
    return redis.Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
        redis_connect_func=_check,
        protocol=2,
    )


def async_box(url: str, *, single_connection: bool = False) -> redis.asyncio.Redis:
    """A client for the API. Replies are bytes. Calls beyond CONNECTIONS at a time wait for their turn: redis-py's own
    pool would refuse them, and many voters who look at their votes would look like a box that is away.
    """
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=TIMEOUT_S,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=AsyncRetry(NoBackoff(), 0),
        redis_connect_func=_check_async,
        protocol=2,
    )
    client = redis.asyncio.Redis(connection_pool=pool, single_connection_client=single_connection)
    client.auto_close_connection_pool = True  # the pool is this client's own
    return client


async def close_at_once(client: redis.asyncio.Redis) -> None:
    """Closes the client's connections, one with a call in flight too. Raises nothing but that its task is cancelled,
    and is not kept from closing by that.
    """
    try:
        with suppress(Exception):
            await client.connection_pool.disconnect(inuse_connections=True)
    finally:
        with suppress(Exception):
            await client.aclose()


@contextmanager
def box_errors() -> Iterator[None]:
    """Translates the client's errors: BoxAway, BoxFull. Others are bugs and stay what they are."""
    try:
        yield
    except (RedisConnectionError, RedisTimeoutError, OSError) as error:
        raise BoxAway(str(error) or type(error).__name__) from error
    except OutOfMemoryError as error:
        raise BoxFull(f"the box is at its maxmemory: {error}") from error


def call(client: redis.Redis, name: str, keys: ShardKeys, *args: str | bytes | float) -> Any:
    """One call of a function of `ballot_box.lua`; the library is loaded if the server does not know it.

    Errors: BoxAway (done or not, nobody knows), BoxFull, redis ResponseError for what the function itself raises.
    """
    with box_errors():
        try:
            return _fcall(client, name, keys, args)
        except ResponseError as error:
            if not library.is_missing(error):
                raise
        load_functions(client)
        return _fcall(client, name, keys, args)


def load_functions(client: redis.Redis) -> None:
    """Brings the functions of this release into the box. Errors: BoxAway, also for a user that may not."""
    with box_errors():
        try:
            client.function_load(library.CODE)
        except NoPermissionError:
            raise BoxAway(library.LOADED_BY_OTHERS) from None
        except ResponseError as error:
            if not library.is_loaded_already(error):
                raise


def _fcall(client: redis.Redis, name: str, keys: ShardKeys, args: tuple[str | bytes | float, ...]) -> Any:
    names = keys.all()
    return client.fcall(library.function(name), len(names), *names, *args)


async def within(seconds: float, work: Callable[[], Awaitable[Any]]) -> Any:
    """`work()` within `seconds`. Errors: as `box_errors`."""
    with box_errors():
        async with asyncio.timeout(seconds):
            return await work()
