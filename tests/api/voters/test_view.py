"""What pages show of a reading, and how often that changes."""

from dataclasses import replace

import pytest

from api.voters.view import COUNTS_KEPT_MS, Phase, view_of
from models.ballot_box.reading import Reading
from models.contest_texts import completed
from tests.api.contest import site

ORIGIN = "https://binhchon.example.vn"
NOW = 1_800_000_000_000
READING = Reading(
    contest_id=7,
    site=completed(site()),
    site_raw=b"",
    state="open",
    opens_at=0,
    closes_at=2**41,
    version=1,
    epoch=1,
    shards=1,
    key="",
    sessions_from=0,
    tallies={1: 10},
    events_added={0: 1},
    box_ms=NOW,
)


def counted(votes: int, **changed: object) -> Reading:
    return replace(READING, tallies={1: votes}, **changed)


@pytest.fixture
def first():
    return view_of(READING, NOW, None, ORIGIN)


def test_while_votes_come_in_pages_are_made_anew_every_few_seconds_only(first):
    """A thousand pages cannot be made twice a second beside the votes."""
    views, now = [first], NOW
    while now < NOW + 4 * COUNTS_KEPT_MS:
        now += 500
        views.append(view_of(counted(10 + now), now, views[-1], ORIGIN))
    assert len({view.counted_at for view in views}) == 5
    assert all(
        now - view.counted_at < COUNTS_KEPT_MS for now, view in zip(range(NOW, now + 1, 500), views, strict=True)
    )


def test_after_a_pause_a_vote_is_shown_at_once(first):
    quiet = view_of(READING, NOW + COUNTS_KEPT_MS, first, ORIGIN)
    assert quiet == first
    assert view_of(counted(11), NOW + COUNTS_KEPT_MS + 500, quiet, ORIGIN).tallies == {1: 11, 2: 0, 3: 0, 4: 0, 5: 0}


@pytest.mark.parametrize("state", ["paused", "closed", "final", ""])
def test_where_the_contest_stands_is_shown_at_once_with_the_counts_of_then(first, state):
    """No page ever says that it is over beside counts from before."""
    after = view_of(counted(11, state=state), NOW + 1, first, ORIGIN)
    assert after.phase is not Phase.OPEN
    assert (after.tallies or {})[1] == 11


def test_another_document_is_shown_with_its_own_counts(first):
    hidden = completed(site(result_policy="hidden"))
    assert view_of(counted(11, site=hidden), NOW + 1, first, ORIGIN).tallies is None
    fewer = completed(site())
    fewer["entries"].pop()
    assert list(view_of(counted(11, site=fewer), NOW + 1, first, ORIGIN).tallies or {}) == [1, 2, 3, 4]


def test_a_clock_that_steps_back_keeps_no_count_for_ever(first):
    assert (view_of(counted(11), NOW - 3_600_000, first, ORIGIN).tallies or {})[1] == 11
