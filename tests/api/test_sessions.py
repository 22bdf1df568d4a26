import base64

from hypothesis import given
from hypothesis import strategies as st

from api.sessions import TOKEN_LENGTH, Session, Sessions, in_force
from models.event import MAX_ACCOUNT, Proof
from models.secrets import KeyRing

OLD = KeyRing("identity", ("old",))
ROTATED = KeyRing("identity", ("new", "old"))
SESSION = Session(7, 2**62 + 5, Proof.EMAIL, 1_000, 2_000)
NOW = {"contest_id": 7, "now_ms": 1_500_000, "sessions_from": 0, "minted_sessions": False}

u32 = st.integers(0, 2**32 - 1)


@given(st.builds(Session, u32, st.integers(0, MAX_ACCOUNT), st.sampled_from([*Proof]), u32, u32))
def test_what_is_minted_is_read_back(session):
    assert Sessions(OLD).read(Sessions(OLD).mint(session).encode()) == session


@given(st.integers(0, TOKEN_LENGTH - 1), st.binary(min_size=1, max_size=1))
def test_no_letter_can_be_another(position, letter):
    token = Sessions(OLD).mint(SESSION).encode()
    changed = token[:position] + letter + token[position + 1 :]
    assert (Sessions(OLD).read(changed) is None) == (changed != token)


@given(st.integers(0, TOKEN_LENGTH), st.binary(max_size=3))
def test_no_letters_can_be_added_or_taken(position, letters):
    token = Sessions(OLD).mint(SESSION).encode()
    for changed in (token[:position] + letters + token[position:], token[:position]):
        assert (Sessions(OLD).read(changed) is None) == (changed != token)


@given(st.binary(max_size=80))
def test_any_other_text_is_no_token(text):
    assert Sessions(OLD).read(text) is None
    assert Sessions(OLD).read(base64.urlsafe_b64encode(text)) is None


def test_a_token_of_an_older_key_is_still_read():
    assert Sessions(ROTATED).read(Sessions(OLD).mint(SESSION).encode()) == SESSION


def test_a_new_token_is_signed_with_the_newest_key():
    assert Sessions(OLD).read(Sessions(ROTATED).mint(SESSION).encode()) is None


def test_a_key_that_was_withdrawn_is_not_read():
    assert Sessions(KeyRing("identity", ("new",))).read(Sessions(OLD).mint(SESSION).encode()) is None


def test_a_verified_token_is_remembered_and_the_memory_is_bounded(monkeypatch):
    monkeypatch.setattr("api.sessions._CACHE_SIZE", 3)
    sessions = Sessions(OLD)
    tokens = [sessions.mint(SESSION._replace(account=account)).encode() for account in range(10)]
    for token in tokens:
        assert sessions.read(token) is sessions.read(token)
        assert len(sessions._verified) <= 3


def test_a_session_ends_to_the_millisecond_by_the_clock_it_is_given():
    assert in_force(SESSION, **NOW | {"now_ms": 1_999_999})
    assert not in_force(SESSION, **NOW | {"now_ms": 2_000_000})


def test_sessions_from_ends_older_ones():
    assert in_force(SESSION, **NOW | {"sessions_from": 1_000_000})
    assert not in_force(SESSION, **NOW | {"sessions_from": 1_000_001})


def test_a_session_of_another_contest_does_not_count():
    assert not in_force(SESSION, **NOW | {"contest_id": 8})


def test_minted_sessions_count_only_where_the_contest_takes_them():
    minted = SESSION._replace(proof=Proof.MINTED)
    assert not in_force(minted, **NOW)
    assert in_force(minted, **NOW | {"minted_sessions": True})


def test_account_tags_differ_by_account_contest_and_installation():
    sessions = Sessions(OLD)
    tags = {
        sessions.account_tag(1, 5),
        sessions.account_tag(1, 6),
        sessions.account_tag(2, 5),
        Sessions(KeyRing("other", ("old",))).account_tag(1, 5),
    }
    assert len(tags) == 4
    assert Sessions(ROTATED).account_tag(1, 5) == sessions.account_tag(1, 5)
