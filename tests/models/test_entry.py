"""Entries as operators change them: versions, states, order, and what is refused."""

import json
from typing import Any

import pytest
from sqlalchemy import text

from models.audit import Actor
from models.ballot_box.keys import site_key
from models.category import create_category
from models.contest import UnknownContestError, votable_entries
from models.contest_import import import_contest
from models.database import transaction
from models.decisions import bring
from models.entry import (
    Entry,
    EntryChangedError,
    EntryRefusedError,
    UnknownEntryError,
    change_entry,
    change_entry_state,
    create_entry,
    entries_of,
    find_entry,
    free_slug,
    move_entry,
)
from models.entry_fields import EntryFields, slug_of
from models.outcomes import Outcome
from models.tally import add_to_tallies
from tests.workers.contests import KEYS, Stage, contest_file

LAN, MINH = Actor("lan", 1, "192.0.2.1"), Actor("minh", 2)


def fields(**changes: str) -> EntryFields:
    return EntryFields.model_validate({"slug": "moi", "title": "Bài mới", "category": "chung"} | changes)


def create(made: Stage, state: str = "draft", **changes: str) -> int:
    with transaction(made.engine) as connection:
        return create_entry(connection, made.contest_id, fields(**changes), LAN, state=state)


def change(made: Stage, entry_id: int, version: int, **changes: str) -> Entry:
    with transaction(made.engine) as connection:
        return change_entry(connection, entry_id, version, fields(**changes), MINH)


def give_votes(made: Stage, entry_id: int) -> None:
    with transaction(made.engine) as connection:
        add_to_tallies(connection, made.contest_id, 0, {entry_id: 3})


def turn(made: Stage, entry_id: int, version: int, state: str) -> Entry:
    with transaction(made.engine) as connection:
        return change_entry_state(connection, entry_id, version, state, MINH, why="thử")


def found(made: Stage, entry_id: int) -> Entry:
    with transaction(made.engine) as connection:
        return find_entry(connection, entry_id)


def audited(made: Stage) -> list[tuple[Any, ...]]:
    return made.rows("SELECT operator, action, subject, before, after, why FROM audit ORDER BY id")


def order(made: Stage) -> list[int]:
    with transaction(made.engine) as connection:
        return [entry.id for entry in entries_of(connection, made.contest_id)]


def test_a_new_entry_is_a_draft_that_no_voter_sees(open_contest: Stage) -> None:
    before = open_contest.contest.version
    entry_id = create(open_contest)
    entry = found(open_contest, entry_id)
    assert (entry.state, entry.version, entry.slug, entry.position) == ("draft", 1, "moi", 3)
    with transaction(open_contest.engine) as connection:
        assert entry_id not in votable_entries(connection, open_contest.contest_id)
    assert open_contest.contest.version == before
    assert audited(open_contest)[-1][:3] == ("lan", "entry.create", f"entry:{entry_id}")


def test_a_draft_is_published_withdrawn_and_published_again_and_keeps_its_votes(open_contest: Stage) -> None:
    entry_id = create(open_contest)
    entry = turn(open_contest, entry_id, 1, "published")
    assert bring(open_contest.engine, open_contest.client, open_contest.contest)
    [vote] = open_contest.cast_many(1, entry_id)
    turn(open_contest, entry_id, entry.version, "withdrawn")
    assert bring(open_contest.engine, open_contest.client, open_contest.contest)
    assert open_contest.cast((5, entry_id), vote) == [Outcome.UNKNOWN_ENTRY, Outcome.ALREADY_VOTED]
    site = json.loads(open_contest.client.get(site_key(open_contest.contest_id)))
    assert entry_id not in [one["id"] for one in site["entries"]]
    turn(open_contest, entry_id, 3, "published")
    assert bring(open_contest.engine, open_contest.client, open_contest.contest)
    assert open_contest.cast((5, entry_id)) == [Outcome.COUNTED]
    assert open_contest.client.hget(open_contest.keys().tally, str(entry_id)) == b"2"
    assert [row[1] for row in audited(open_contest)[-3:]] == ["entry.publish", "entry.withdraw", "entry.publish"]


@pytest.mark.parametrize(("state", "to"), [("draft", "withdrawn"), ("published", "published"), ("published", "draft")])
def test_there_is_no_other_way_between_states(open_contest: Stage, state: str, to: str) -> None:
    entry_id = create(open_contest, state)
    with pytest.raises(EntryRefusedError, match="state"):
        turn(open_contest, entry_id, 1, to)


def test_the_second_of_two_editors_is_told_and_changes_nothing(open_contest: Stage) -> None:
    entry_id = create(open_contest)
    change(open_contest, entry_id, 1, title="Của người thứ nhất")
    with pytest.raises(EntryChangedError) as refused:
        change(open_contest, entry_id, 1, title="Của người thứ hai")
    assert refused.value.entry.title == "Của người thứ nhất"
    assert refused.value.entry.version == 2
    assert change(open_contest, entry_id, 2, title="Của người thứ hai").title == "Của người thứ hai"


def test_a_change_is_audited_with_what_differs(open_contest: Stage) -> None:
    version = open_contest.contest.version
    change(open_contest, 1, 1, slug="bai-1", title="Tên khác")
    assert audited(open_contest)[-1] == (
        *("minh", "entry.change", "entry:1"),
        *({"title": "Bài 1"}, {"title": "Tên khác"}, ""),
    )
    assert open_contest.contest.version == version + 1
    change(open_contest, 1, 2, slug="bai-1", title="Tên khác")
    assert open_contest.contest.version == version + 1, "nothing had changed"
    assert found(open_contest, 1).version == 2


def test_what_is_refused(open_contest: Stage) -> None:
    entry_id = create(open_contest)
    with pytest.raises(EntryRefusedError, match="slug_taken"):
        create(open_contest)
    with pytest.raises(EntryRefusedError, match="slug_taken"):
        change(open_contest, entry_id, 1, slug="bai-1")
    with pytest.raises(EntryRefusedError, match="unknown_category"):
        create(open_contest, slug="khac", category="khong-co")
    with pytest.raises(EntryRefusedError, match="slug_fixed"):
        change(open_contest, 1, 1, slug="dia-chi-moi")
    with pytest.raises(UnknownEntryError):
        change(open_contest, 999, 1)
    with pytest.raises(UnknownContestError), transaction(open_contest.engine) as connection:
        create_entry(connection, 999, fields(), LAN)
    assert change(open_contest, entry_id, 1, slug="dia-chi-moi").slug == "dia-chi-moi", "a draft's may change"


def test_results_that_stand_are_not_touched(open_contest: Stage) -> None:
    with transaction(open_contest.engine) as connection:
        connection.execute(text("UPDATE contests SET state = 'final'"))
    with pytest.raises(EntryRefusedError, match="final"):
        turn(open_contest, 1, 1, "withdrawn")
    with pytest.raises(EntryRefusedError, match="final"):
        create(open_contest)
    assert change(open_contest, 1, 1, slug="bai-1", title="Sửa lỗi chính tả").version == 2


def test_the_order_is_the_organisers(open_contest: Stage) -> None:
    for entry, place, then in ((3, 1, [3, 1, 2]), (3, 2, [1, 3, 2]), (1, 99, [3, 2, 1]), (2, -5, [2, 3, 1])):
        with transaction(open_contest.engine) as connection:
            move_entry(connection, entry, place, LAN)
        assert order(open_contest) == then
    assert found(open_contest, 1).version == 1, "who edits it is not disturbed"
    assert audited(open_contest)[-1][3:5] == ({"place": 2}, {"place": 1})


def test_an_import_raises_the_versions_of_what_it_changes(open_contest: Stage) -> None:
    file = contest_file()
    changed = file.model_copy(
        update={"entries": (file.entries[0].model_copy(update={"title": "Tên khác"}), *file.entries[1:])}
    )
    with transaction(open_contest.engine) as connection:
        import_contest(connection, changed, KEYS.fingerprint())
    assert [found(open_contest, number).version for number in (1, 2, 3)] == [2, 1, 1]
    assert audited(open_contest)[-1][:2] == ("binhchon import-contest", "contest.import")
    with pytest.raises(EntryChangedError):
        change(open_contest, 1, 1, slug="bai-1")


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Máy lọc nước", "may-loc-nuoc"),
        ("Đèn đường – “thông minh” 4.0!", "den-duong-thong-minh-4-0"),
        ("ƯỚC MƠ Ở ĐÂY", "uoc-mo-o-day"),
        ("???", "bai"),
        ("茶", "bai"),
        ("a" * 79 + " b", "a" * 79),
    ],
)
def test_an_address_is_made_of_the_title(title: str, slug: str) -> None:
    assert slug_of(title) == slug


def test_an_address_that_is_taken_gets_a_number(open_contest: Stage) -> None:
    with transaction(open_contest.engine) as connection:
        assert free_slug(connection, open_contest.contest_id, "moi") == "moi"
        assert free_slug(connection, open_contest.contest_id, "bai-1") == "bai-1-2"
    create(open_contest, slug="bai-1-2")
    with transaction(open_contest.engine) as connection:
        assert free_slug(connection, open_contest.contest_id, "bai-1") == "bai-1-3"


@pytest.mark.parametrize(("name", "value"), [("title", "Bài khác"), ("author", "Người khác"), ("category", "khac")])
def test_what_votes_were_given_for_is_an_admins_to_change(open_contest: Stage, name: str, value: str) -> None:
    with transaction(open_contest.engine) as connection:
        create_category(connection, open_contest.contest_id, "Khác", "", LAN)
    entry_id = create(open_contest, "published")
    change(open_contest, entry_id, 1, **{name: value})
    change(open_contest, entry_id, 2)
    give_votes(open_contest, entry_id)
    with pytest.raises(EntryRefusedError) as refused:
        change(open_contest, entry_id, 3, **{name: value})
    assert (refused.value.code, refused.value.field) == ("voted_for", name)
    assert change(open_contest, entry_id, 3, summary="Chữ sửa lại").summary == "Chữ sửa lại"
    with transaction(open_contest.engine) as connection:
        changed = change_entry(connection, entry_id, 4, fields(**{name: value}), LAN, by_admin=True)
    assert getattr(changed, name) == value
