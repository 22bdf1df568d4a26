"""The event codec: what is packed comes out again, and no bytes break it."""

import struct
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.event import (
    FIRST,
    HEAD,
    MAX_ACCOUNT,
    MAX_AGREED,
    MAX_AT,
    MAX_ENTRY,
    MAX_GRAMS,
    MAX_TEXT,
    OPENED,
    VERSION,
    AccountOpened,
    Event,
    Kind,
    MalformedEventError,
    Proof,
    pack_account_opened,
    pack_cast,
    pack_decision,
    pack_evidence,
    unpack,
    unpack_account_opened,
)

accounts = st.integers(0, MAX_ACCOUNT)
entries = st.integers(0, MAX_ENTRY)
moments = st.integers(0, MAX_AT)
letters = st.text(st.characters(codec="utf-8"), max_size=60)
logins = st.builds(
    AccountOpened,
    account=accounts,
    proof=st.sampled_from(Proof),
    hint=letters,
    domain=letters,
    grams=st.sets(st.integers(-(2**31), 2**31 - 1), max_size=MAX_GRAMS).map(sorted).map(tuple),
    agreed=st.dictionaries(st.integers(0, 255), st.integers(0, 65_535), max_size=MAX_AGREED).map(
        lambda found: tuple(sorted(found.items()))
    ),
)
A_LOGIN = AccountOpened(42, Proof.EMAIL, "a•••@example.vn", "example.vn", (-1, 1), ((1, 1), (2, 3)))


def head(kind: int, at: int, version: int = VERSION) -> bytes:
    """What the box puts before a body."""
    return HEAD.pack(version, kind, at)


@given(
    moments, accounts, entries, st.integers(0, 2**60 - 1), st.sampled_from(Proof), st.binary(max_size=40), st.booleans()
)
def test_a_cast_comes_out_as_it_went_in(at, account, entry, receipt, proof, evidence, first) -> None:
    kind = Kind.CAST | FIRST if first else Kind.CAST
    event = unpack(head(kind, at) + pack_cast(account, entry, receipt, proof, evidence))
    assert event == Event(Kind.CAST, at, account, entry, receipt, proof, evidence, first)
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


@given(moments, logins)
def test_a_login_comes_out_as_it_went_in(at, login) -> None:
    packed = head(Kind.ACCOUNT_OPENED, at) + pack_account_opened(login)
    assert unpack_account_opened(packed) == login
    event = unpack(packed)
    assert (event.kind, event.at, event.account, event.proof) == (Kind.ACCOUNT_OPENED, at, login.account, login.proof)
    assert (event.entry, event.receipt, event.change) == (0, 0, 0)


@given(st.text(st.characters(), max_size=400))
@example("•" * 100)
@example("\ud800")
def test_any_text_is_packed_and_a_long_one_cut_between_two_letters(text) -> None:
    login = replace(A_LOGIN, hint=text)
    found = unpack_account_opened(head(Kind.ACCOUNT_OPENED, 1) + pack_account_opened(login))
    assert replace(found, hint=text) == login
    whole = text.encode(errors="replace").decode()
    assert whole.startswith(found.hint)
    assert found.hint == whole or MAX_TEXT - 4 < len(found.hint.encode()) <= MAX_TEXT


def _numbers(count: int) -> bytes:
    return bytes([count]) + b"".join(struct.pack(">i", number) for number in range(count))


@pytest.mark.parametrize(
    "tail",
    [
        _numbers(MAX_GRAMS + 1) + b"\0",
        b"\2" + struct.pack(">ii", 1, 1) + b"\0",
        b"\2" + struct.pack(">ii", 2, 1) + b"\0",
        b"\0" + bytes([MAX_AGREED + 1]) + b"".join(struct.pack(">BH", number, 1) for number in range(MAX_AGREED + 1)),
        b"\0\2" + struct.pack(">BHBH", 1, 1, 1, 2),
        b"\0\0more",
    ],
    ids=["too many grams", "a gram twice", "grams not in order", "too many purposes", "a purpose twice", "a rest"],
)
def test_a_login_that_no_api_packed_is_malformed(tail) -> None:
    start = head(Kind.ACCOUNT_OPENED, 1) + pack_account_opened(replace(A_LOGIN, grams=(), agreed=()))[:-2]
    assert unpack(start + b"\0\0").account == 42
    for read in (unpack, unpack_account_opened):
        with pytest.raises(MalformedEventError):
            read(start + tail)


@given(
    st.binary(max_size=60) | st.tuples(st.integers(0, 6), st.binary(max_size=60)).map(lambda of: head(of[0], 1) + of[1])
)
def test_any_bytes_are_an_event_or_malformed(packed) -> None:
    try:
        event = unpack(packed)
    except MalformedEventError:
        return
    assert packed[0] == VERSION
    assert packed[1] == (event.kind | FIRST if event.first else event.kind)


@given(st.integers(0, 255).filter(lambda version: version != VERSION))
def test_another_version_is_refused_and_not_guessed_at(version) -> None:
    with pytest.raises(MalformedEventError, match=f"version {version}"):
        unpack(head(Kind.CAST, 1, version) + pack_cast(1, 1, 1, 1, b""))


@pytest.mark.parametrize("kind", Kind)
def test_an_event_cut_short_is_malformed(kind) -> None:
    bodies = {
        Kind.CAST: pack_cast(1, 2, 3, 1, b""),
        Kind.OPENED: OPENED.pack(1),
        Kind.ACCOUNT_OPENED: pack_account_opened(A_LOGIN),
    }
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
