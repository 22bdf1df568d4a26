"""Logins begin only while scratch has room for what is under way: the nudges of the flush lie in it too."""

from collections.abc import Callable, Iterator

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from models.scratch.room import KEPT_FROM, Room
from tests.api.running import RunningApi
from tests.api.voters.logging_in import OWN, PROOF_COST, TICKED, ask, code_for, enter
from tests.servers import ValkeyServer, wait_for

MIB = 1024**2
AN = "an@example.vn"


@pytest.fixture
def small(valkey_factory: Callable[..., ValkeyServer]) -> ValkeyServer:
    return valkey_factory("scratch", maxmemory=32 * MIB)


@pytest.fixture
def client(small: ValkeyServer) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(small.url) as made:
        yield made


def fill(client: redis.Redis, share: float) -> None:
    """Until `share` of the memory is used, by somebody's things."""
    number = 0
    while client.info("memory")["used_memory"] < share * 32 * MIB:
        client.set(f"things:{number}", b"x" * 64 * 1024)
        number += 1


def test_a_login_waits_while_there_is_room_only_for_what_is_under_way(
    start_api: Callable[..., RunningApi], open_box: str, small: ValkeyServer, client: redis.Redis
) -> None:
    api = start_api(open_box, scratch_url=small.url, login_proof_cost=PROOF_COST)
    api.wait_ready()
    assert ask(api, AN).status_code == 202
    fill(client, KEPT_FROM + 0.01)
    wait_for(lambda: ask(api, "binh@example.vn").status_code == 503, 4.0)
    refused = ask(api, "binh@example.vn")
    assert refused.json()["code"] == "not_ready"
    assert "quá nhiều người đăng nhập" in refused.json()["detail"]
    assert int(refused.headers["retry-after"]) >= 1
    form = api.client.post("/dang-nhap", data={"identity": "binh@example.vn"} | TICKED, headers=OWN)
    assert form.status_code == 503
    assert "quá nhiều người đăng nhập" in form.text
    assert 'value="binh@example.vn"' in form.text, "what was typed stays"
    assert enter(api, AN, code_for(small.url, AN)).status_code == 200, "who has a code makes room"
    nudge = Queue("flush.0", connection=client, serializer=JSONSerializer).enqueue("workers.jobs.flush", 0)
    assert nudge.get_status(), "the flush's queue is not starved"
    client.delete(*client.scan_iter(match="things:*"))
    wait_for(lambda: ask(api, "chi@example.vn").status_code == 202, 4.0)


@pytest.mark.parametrize(("used", "limit", "short"), [(90, 100, True), (89, 100, False), (10**12, 0, False)])
def test_where_it_begins(used: int, limit: int, short: bool) -> None:
    assert Room(used, limit).is_short is short
