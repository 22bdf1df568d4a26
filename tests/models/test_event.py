"""The event codec: what is packed comes out again, and no bytes break it."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.event import (
    HEAD,
    MAX_ACCOUNT,
    MAX_AT,
    MAX_ENTRY,
    OPENED,
    VERSION,
    Event,
    Kind,
    MalformedEventError,
    Proof,
    pack_cast,
    pack_decision,
    pack_evidence,
    unpack,
)

accounts = st.integers(0, MAX_ACCOUNT)
entries = st.integers(0, MAX_ENTRY)
moments = st.integers(0, MAX_AT)


def head(kind: int, at: int, version: int = VERSION) -> bytes:
    """What the box puts before a body."""
    return HEAD.pack(version, kind, at)


@given(moments, accounts, entries, st.integers(0, 2**60 - 1), st.sampled_from(Proof), st.binary(max_size=40))
def test_a_cast_comes_out_as_it_went_in(at, account, entry, receipt, proof, evidence) -> None:
    event = unpack(head(Kind.CAST, at) + pack_cast(account, entry, receipt, proof, evidence))
    assert event == Event(Kind.CAST, at, account, entry, receipt, proof, evidence)
    assert event.change == 1


@given(
    moments,
    accounts,
    entries,
    st.text(max_size=200).filter(str.isprintable),
    st.sampled_from((Kind.VOID, Kind.RESTORE)),
)
def test_a_decision_comes_out_as_it_went_in(at, account, entry, reason, kind) -> None:
    event = unpack(head(kind, at) + pack_decision(account, entry, reason))
    assert (event.kind, event.at, event.account, event.entry) == (kind, at, account, entry)
    assert event.rest.decode() == reason
    assert event.change == (-1 if kind is Kind.VOID else 1)


@given(moments, st.integers(1, 2**52))
def test_an_opening_comes_out_as_it_went_in(at, epoch) -> None:
    event = unpack(head(Kind.OPENED, at) + OPENED.pack(epoch))
    assert (event.kind, event.at, event.account, event.change) == (Kind.OPENED, at, epoch, 0)


@given(
    st.binary(max_size=60) | st.tuples(st.integers(0, 6), st.binary(max_size=60)).map(lambda of: head(of[0], 1) + of[1])
)
def test_any_bytes_are_an_event_or_malformed(packed) -> None:
    try:
        event = unpack(packed)
    except MalformedEventError:
        return
    assert packed[0] == VERSION
    assert packed[1] == event.kind


@given(st.integers(0, 255).filter(lambda version: version != VERSION))
def test_another_version_is_refused_and_not_guessed_at(version) -> None:
    with pytest.raises(MalformedEventError, match=f"version {version}"):
        unpack(head(Kind.CAST, 1, version) + pack_cast(1, 1, 1, 1, b""))


@pytest.mark.parametrize("kind", Kind)
def test_an_event_cut_short_is_malformed(kind) -> None:
    bodies = {Kind.CAST: pack_cast(1, 2, 3, 1, b""), Kind.OPENED: OPENED.pack(1)}
    whole = head(kind, 1) + bodies.get(kind, pack_decision(1, 2, ""))
    assert unpack(whole).kind is kind
    for length in range(len(whole)):
        with pytest.raises(MalformedEventError):
            unpack(whole[:length])


@pytest.mark.parametrize(("account", "entry"), [(MAX_ACCOUNT + 1, 1), (1, MAX_ENTRY + 1)])
def test_what_does_not_fit_is_not_packed(account, entry) -> None:
    with pytest.raises(struct.error):
        pack_cast(account, entry, 0, 0, b"")


@pytest.mark.parametrize(
    ("address", "packed"),
    [
        ("203.0.113.9", bytes([203, 0, 113, 9])),
        ("::ffff:203.0.113.9", bytes([203, 0, 113, 9])),
        ("2001:db8::1", bytes.fromhex("20010db8000000000000000000000001")),
        ("testclient", b""),
        ("", b""),
        ("203.0.113.9:80", b""),
    ],
)
def test_evidence_keeps_the_address_as_bytes(address, packed) -> None:
    assert pack_evidence(address, b"8 bytes!") == b"8 bytes!" + packed


@given(st.text(max_size=60))
def test_no_address_breaks_the_evidence(address) -> None:
    assert len(pack_evidence(address, b"8 bytes!")) in {8, 12, 24}
