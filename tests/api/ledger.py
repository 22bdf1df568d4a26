"""What a flush would have written, by hand: votes in a real ledger beside an API."""

import redis

from models.ballot_box.keys import shard_keys
from models.receipt import Receipts
from tests.api.contest import CONTEST_ID, KEYS

RECEIPTS = Receipts(KEYS, CONTEST_ID)


def flushed(ledger, account, receipt, open_box):
    ledger.execute(
        "INSERT INTO votes (account_id, entry_id, receipt, shard, cast_at)"
        " VALUES (%s, 1, %s, 0, '2026-01-02 03:04:05.678Z')",
        [account, RECEIPTS.parse(receipt)],
    )
    taken(ledger, open_box)


def taken(ledger, open_box):
    with redis.Redis.from_url(open_box) as client:
        added = client.xinfo_stream(shard_keys(CONTEST_ID, 0).log)["entries-added"]
    ledger.execute("UPDATE cursors SET taken = %s", [added])
