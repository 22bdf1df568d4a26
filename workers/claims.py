"""Storing claims of lost votes: scratch → the ledger.

| what happens                              | then                                                                  |
|-------------------------------------------|-----------------------------------------------------------------------|
| dies before the COMMIT                    | the claims are in scratch still, the next job stores them              |
| dies after the COMMIT, before the removal | they are stored again: the ledger has their ids and leaves them alone  |
| two jobs at once                          | the same: each claim stands in the ledger once                         |
| the ledger is away                        | the claims wait in scratch; voters are told “đã nhận” all the same      |
| the ledger refuses the data of one        | that one is set aside with an alarm, the others are stored             |
"""

from collections.abc import Callable
from typing import NamedTuple

import structlog

from models.claim import Claim, MalformedClaimError, store, unpack_claim
from models.database import Connection, Engine, RefusedDataError, savepoint, transaction
from models.scratch.claims import read, remove, set_aside
from models.scratch.connection import ScratchClient

log = structlog.get_logger()

BATCH = 100  # claims: some 300 KB of ordinary ones


class Waiting(NamedTuple):
    """A claim as scratch has it: its id in the stream, and its bytes."""

    number: bytes
    packed: bytes


def store_claims(engine: Engine, client: ScratchClient, *, stopping: Callable[[], bool]) -> int:
    """Stores all claims that wait. Returns how many were new. Errors: LedgerAway, ScratchAway."""
    stored = 0
    while not stopping() and (batch := [Waiting(*found) for found in read(client, BATCH)]):
        with transaction(engine) as connection:
            new, refused = _store(connection, batch)
        stored += new
        for one, reason in refused:
            log.error("ALARM: a claim could not be stored and was set aside", number=one.number.decode(), reason=reason)
            set_aside(client, one.number, one.packed, reason)
        aside = {one.number for one, _reason in refused}
        remove(client, [one.number for one in batch if one.number not in aside])
    return stored


def _store(connection: Connection, batch: list[Waiting]) -> tuple[int, list[tuple[Waiting, str]]]:
    """Stores what can be stored of a batch: how many were new, and which were refused, with the reason."""
    claims: list[tuple[Waiting, Claim]] = []
    refused: list[tuple[Waiting, str]] = []
    for one in batch:
        try:
            claims.append((one, unpack_claim(one.packed)))
        except MalformedClaimError as error:
            refused.append((one, str(error)))
    try:
        with savepoint(connection):
            return store(connection, [claim for _one, claim in claims]), refused
    except RefusedDataError:
        pass  # which of them it was is found one by one
    new = 0
    for one, claim in claims:
        try:
            with savepoint(connection):
                new += store(connection, [claim])
        except RefusedDataError as error:
            refused.append((one, str(error)))
    return new, refused
