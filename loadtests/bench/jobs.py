"""A job for each vote, and the worker that does them: `python -m loadtests.bench.jobs`, on the stack of DATA_DIR.

Given what RQ can be given: no process forked for each job, JSON and no pickle, no results kept, no log lines; one
connection to PostgreSQL, one statement without BEGIN and COMMIT round trips. The jobs wait in scratch, whose disk is
written to once a second: they promise less than a vote in the box.
"""

from functools import lru_cache
from typing import Any

from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy import Connection, create_engine
from sqlalchemy.dialects.postgresql import insert

from loadtests.bench.tables import queued
from models.event import pack_evidence
from models.scratch.connection import ScratchClient, scratch_client
from models.settings import load_settings
from models.times import from_ms

QUEUE = "bench.votes"
WORKERS = 2
_EVIDENCE = pack_evidence("127.0.0.1", bytes(8))
_STATEMENT = insert(queued).on_conflict_do_nothing()


def queue_of(client: ScratchClient) -> Queue:
    return Queue(QUEUE, connection=client, serializer=JSONSerializer)


def give(queue: Queue, account: int, entry: int, issued_at: int, receipt: int, proof: int) -> None:
    """Queues one vote."""
    queue.enqueue_call(
        "loadtests.bench.jobs.store",
        args=(account, entry, issued_at, receipt, proof),
        timeout=60,
        result_ttl=0,
        description="vote",
    )


def undone(client: ScratchClient) -> int:
    """Jobs that wait or are under way, and those that failed."""
    queue = queue_of(client)
    registries = (queue.started_job_registry, queue.failed_job_registry)
    return int(queue.count + sum(registry.get_job_count() for registry in registries))


def store(account: int, entry: int, issued_at: int, receipt: int, proof: int) -> None:
    """The job: the vote's row, committed."""
    _connection().execute(
        _STATEMENT,
        {
            "account_id": account,
            "entry_id": entry,
            "cast_at": from_ms(issued_at * 1000),
            "receipt": receipt,
            "shard": 0,
            "proof": proof,
            "evidence": _EVIDENCE,
        },
    )


@lru_cache(maxsize=1)
def _connection() -> Connection:
    settings = load_settings().require_stack()
    return create_engine(settings.database(), isolation_level="AUTOCOMMIT").connect()


def main() -> None:
    """Works until SIGTERM."""
    connection: Any = scratch_client(load_settings().require_stack().scratch(), timeout=None)
    worker = SimpleWorker([QUEUE], connection=connection, serializer=JSONSerializer, log_job_description=False)
    worker.work(logging_level="WARNING")


if __name__ == "__main__":
    main()
