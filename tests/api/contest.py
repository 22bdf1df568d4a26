"""A contest in a box, opened by hand: what the API meets, without a ledger."""

import json
import time
from typing import Any

import redis

from models.ballot_box import library
from models.ballot_box.keys import CONTESTS, shard_keys, site_key
from models.event import CASTS, HEAD, OPENED, VERSION, Kind
from models.secrets import KeyRing

# As long as production asks for, and looking as made by chance as it does.
KEYS = KeyRing("9fCpWq3LxT0vYb7NsR2mKe5HzJ8uAdG4tFiQoX1wSVk", ("E4tq8ZrXn2YbUv6KcLm0WdJh9GsPfT3aNi7Qx5oBy1M",))
CONTEST_ID = 7
DAY_MS = 86_400_000


def site(**contest: Any) -> dict[str, Any]:
    """A published document with five entries, 1 to 5; `contest` overrides its fields."""
    now = int(time.time() * 1000)
    fields = {
        "id": CONTEST_ID,
        "slug": "thu",
        "title": "Cuộc thi thử <b>",
        "title_en": "Trial",
        "organiser": "Sở Khoa học & Công nghệ",
        "organiser_en": "Department",
        "help_line": "0208 0000000",
        "summary": "Bài dự thi minh hoạ.",
        "rules": "",
        "voters_note": "Mỗi tài khoản chỉ được bình chọn 1 lần/1 bài thi",
        "result_policy": "live",
        "minted_sessions": True,
        "opens_at": now - DAY_MS,
        "closes_at": now + DAY_MS,
    } | contest
    entries = [
        {
            "id": number,
            "slug": f"bai-{number}",
            "title": f"Bài {number} <script>",
            "category": "giao-duc",
            "author": f"Tác giả {number}",
            "unit": "",
            "summary": "minh hoạ",
            "text": "",
        }
        for number in range(1, 6)
    ]
    categories = [{"slug": "giao-duc", "title": "Giáo dục", "title_en": "Education"}]
    return {"version": 1, "contest": fields, "categories": categories, "entries": entries}


def open_contest(
    url: str,
    *,
    state: str = "open",
    epoch: int = 1,
    version: int = 1,
    entries: tuple[int, ...] = (1, 2, 3, 4, 5),
    **contest: Any,
) -> dict[str, Any]:
    """Puts the contest into an empty box: the log's first event, entries, contest hash, site. Returns the site."""
    document = site(**contest)
    keys = shard_keys(CONTEST_ID, 0)
    now = int(time.time() * 1000)
    with redis.Redis.from_url(url) as client:
        try:
            client.execute_command("FUNCTION", "LOAD", library.CODE)
        except redis.ResponseError as error:
            if not library.is_loaded_already(error):
                raise
        client.delete(keys.entries)
        client.sadd(keys.entries, *entries)
        client.xadd(keys.log, {"e": HEAD.pack(VERSION, Kind.OPENED, now) + OPENED.pack(epoch)})
        client.set(site_key(CONTEST_ID), json.dumps(document))
        client.hset(CONTESTS, document["contest"]["slug"], CONTEST_ID)
        client.hset(
            keys.contest,
            mapping={
                "state": state,
                "opens_at": document["contest"]["opens_at"],
                "closes_at": document["contest"]["closes_at"],
                "version": version,
                "epoch": epoch,
                "shards": 1,
                "key": KEYS.fingerprint(),
                "sessions_from": 0,
                "stops": 0,
            },
        )
    return document


def set_contest(url: str, **fields: Any) -> None:
    """Changes fields of the contest hash."""
    with redis.Redis.from_url(url) as client:
        client.hset(shard_keys(CONTEST_ID, 0).contest, mapping=fields)


def votes_in_box(url: str) -> int:
    """Events of kind cast in the log."""
    with redis.Redis.from_url(url) as client:
        return sum(1 for _, fields in client.xrange(shard_keys(CONTEST_ID, 0).log) if fields[b"e"][1] in CASTS)
