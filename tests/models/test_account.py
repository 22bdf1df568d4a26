from models.account import account_of
from models.event import MAX_ACCOUNT
from models.secrets import KeyRing

KEYS = KeyRing("identity", ("session",))


def test_an_account_is_63_bits_and_the_same_each_time():
    account = account_of(KEYS, "email", "an@example.vn")
    assert 0 <= account <= MAX_ACCOUNT
    assert account == account_of(KEYS, "email", "an@example.vn")


def test_kind_and_identity_cannot_be_confused():
    assert account_of(KEYS, "a", "b:c") != account_of(KEYS, "a:b", "c")


def test_another_identity_key_makes_other_accounts_and_session_keys_do_not():
    account = account_of(KEYS, "email", "an@example.vn")
    assert account != account_of(KeyRing("other", ("session",)), "email", "an@example.vn")
    assert account == account_of(KeyRing("identity", ("other",)), "email", "an@example.vn")
