"""Claims as bytes and as rows, and their references."""

import json
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import text

from models.claim import Claim, MalformedClaimError, pack_claim, parse_reference, spelled, store, unpack_claim
from models.database import transaction, worker_engine

CLAIM = Claim(
    contest_id=7,
    received_at=1_764_000_000_123,
    language="vi",
    happened="Tôi đã bấm\nnhưng không thấy phiếu",
    entry_id=3,
    entry="Bài 3",
    moment="tối qua",
    receipt=2**60 - 1,
    contact="an@example.vn",
    account_id=2**63 - 1,
)


def test_a_claim_comes_back_as_it_was() -> None:
    assert unpack_claim(pack_claim(CLAIM)) == CLAIM
    short = Claim(contest_id=7, received_at=1, language="en", happened="x")
    assert unpack_claim(pack_claim(short)) == short


@pytest.mark.parametrize(
    "change",
    [{"id": "no"}, {"happened": 5}, {"received_at": "soon"}, {"contact": "a\0b"}, {"receipt": 1.5}, {"entry": None}],
)
def test_bytes_that_are_no_claim_are_refused_and_not_repeated(change: dict) -> None:
    fields = json.loads(pack_claim(CLAIM)) | change
    with pytest.raises(MalformedClaimError) as found:
        unpack_claim(json.dumps(fields).encode())
    assert "a\0b" not in str(found.value)
    del fields["happened"]
    for packed in (json.dumps(fields).encode(), b"", b"[]", b"\xff", b"{"):
        with pytest.raises(MalformedClaimError):
            unpack_claim(packed)


def test_a_reference_is_ten_letters_and_another_for_each_claim() -> None:
    made = {Claim(7, 1, "vi", "x").reference for _ in range(200)}
    assert len(made) == 200
    for reference in made:
        assert parse_reference(spelled(reference)) == reference
        assert parse_reference(f" {reference.lower()} ") == reference


def test_a_reference_as_people_write_it() -> None:
    assert parse_reference("o1il2-345 ab") == "01112345AB"
    for wrong in ("", "7F3K9-2QD0", "7F3K9-2QD0AA", "7F3K9-2QD0U", "7" * 5000, "７F3K92QD0A", "<b>"):
        assert parse_reference(wrong) is None


def test_stored_twice_is_stored_once_and_what_was_erased_stays_so(database: str) -> None:
    engine = worker_engine(database)
    other = replace(CLAIM, id=UUID(int=5), receipt=None, account_id=None, entry_id=None)  # the same reference
    with transaction(engine) as connection:
        assert store(connection, []) == 0
        assert store(connection, [CLAIM, other]) == 2
        connection.execute(text("UPDATE claims SET contact = ''"))
        assert store(connection, [CLAIM, other]) == 0
        rows = connection.execute(text("SELECT * FROM claims ORDER BY id DESC")).mappings().all()
    assert [row["contact"] for row in rows] == ["", ""]
    row = next(row for row in rows if row["id"] == CLAIM.id)
    assert (row["reference"], row["happened"], row["entry"]) == (CLAIM.reference, CLAIM.happened, "Bài 3")
    assert (row["receipt"], row["account_id"]) == (2**60 - 1, 2**63 - 1)
    assert row["received_at"].isoformat() == "2025-11-24T16:00:00.123000+00:00"
