"""`binhchon reconcile`: compare box and ledger for each shard and entry."""

from models.settings import Settings
from scripts.contest_parts import Parts, contest_parts
from workers.books import Books, compare, prove


def run(settings: Settings, *, rows: bool) -> int:
    """Prints the books; with `rows` proves them from rows and ballots too. Returns 0 when they agree, else 1."""
    with contest_parts(settings) as parts:
        books = compare(parts.engine, parts.box, parts.contest)
        _print(books)
        agree = books.drift == 0 and not books.parked
        return 0 if (_print_proof(parts) if rows else True) and agree else 1


def _print(books: Books) -> None:
    for shard in books.shards:
        drift = "cannot be told (the box is not ready)" if shard.drift is None else sum(map(abs, shard.drift.values()))
        print(
            f"shard {shard.shard}: box {shard.box_votes}, ledger {shard.ledger_votes}, pending {shard.pending},"
            f" parked {shard.parked}, drift {drift}"
        )
        for entry, votes in sorted((shard.drift or {}).items()):
            print(f"  entry {entry}: box less ledger {votes:+d}")


def _print_proof(parts: Parts) -> bool:
    holds = True
    for proof in prove(parts.engine, parts.box, parts.contest):
        holds = holds and proof.holds
        missing = "not told in time" if proof.missing_in_ledger is None else proof.missing_in_ledger
        print(
            f"shard {proof.shard}, by rows and ballots: missing in ledger {missing}, missing in box"
            f" {proof.missing_in_box}, tallies off {len(proof.tally_off)}, misfits {len(proof.misfits)}"
        )
    return holds
