import time

from api.access import Access, fields_of
from api.outcomes import Code
from api.sessions import Sessions
from api.snapshot import Snapshot
from models.event import Proof
from tests.api.contest import KEYS
from tests.api.running import new_account, token_for

ACCESS = Access(Sessions(KEYS), None)
NOWHERE = Snapshot(None, 0.0, {})


def test_fields_that_come_several_times_are_joined():
    headers = [
        (b"cookie", b"a=1"),
        (b"x-forwarded-for", b"1.1.1.1"),
        (b"cookie", b"b=2"),
        (b"x-forwarded-for", b"2.2.2.2"),
    ]
    assert fields_of(headers) == {b"cookie": b"a=1; b=2", b"x-forwarded-for": b"1.1.1.1, 2.2.2.2"}


def test_many_fields_of_one_name_take_no_time():
    began = time.monotonic()
    fields = fields_of([(b"cookie", b"a")] * 300_000)
    assert len(fields[b"cookie"]) == 300_000 * 3 - 2
    assert time.monotonic() - began < 2, "a request of 3 MB held its process for minutes"


def test_two_authorizations_are_none():
    token = token_for(new_account(), time.time()).encode()
    fields = fields_of([(b"authorization", b"Bearer " + token)] * 2)
    assert ACCESS.voter(fields, NOWHERE, changes=True) is Code.NO_SESSION


def test_two_answers_about_the_site_are_no_yes():
    fields = fields_of([(b"sec-fetch-site", b"same-origin"), (b"sec-fetch-site", b"same-origin")])
    assert not ACCESS.same_origin(fields)


def test_a_genuine_token_before_the_first_reading_has_to_wait_and_a_forged_one_is_refused():
    token = token_for(new_account(), time.time(), proof=Proof.SMS).encode()
    assert ACCESS.voter({b"authorization": b"bearer " + token}, NOWHERE, changes=True) is Code.NOT_READY
    assert ACCESS.voter({b"authorization": b"bearer " + token[::-1]}, NOWHERE, changes=True) is Code.NO_SESSION


def test_the_public_origin_is_compared_whole():
    access = Access(Sessions(KEYS), "https://Voters.example/")
    assert access.cookie == b"__Host-session"
    assert access.same_origin({b"origin": b"https://voters.example"})
    for other in (b"https://voters.example.evil.com", b"http://voters.example", b"https://voters.example:444"):
        assert not access.same_origin({b"origin": other, b"host": other.split(b"//")[1]})
