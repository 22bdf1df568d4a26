"""Categories as operators change them."""

import pytest

from models.audit import Actor
from models.category import (
    Category,
    CategoryRefusedError,
    UnknownCategoryError,
    categories_of,
    change_category,
    create_category,
    delete_category,
    move_category,
)
from models.database import transaction
from tests.workers.contests import Stage

LAN = Actor("lan", 1)


def known(made: Stage) -> list[Category]:
    with transaction(made.engine) as connection:
        return categories_of(connection, made.contest_id)


def create(made: Stage, title: str) -> int:
    with transaction(made.engine) as connection:
        return create_category(connection, made.contest_id, title, "", LAN)


def test_a_category_is_made_renamed_moved_and_taken_away(open_contest: Stage) -> None:
    version = open_contest.contest.version
    health = create(open_contest, "Y tế")
    with transaction(open_contest.engine) as connection:
        change_category(connection, health, "Y tế, sức khoẻ", "Health", LAN)
        move_category(connection, health, 1, LAN)
    assert [(one.slug, one.title, one.title_en, one.entries) for one in known(open_contest)] == [
        ("y-te", "Y tế, sức khoẻ", "Health", 0),
        ("chung", "Chung", "", 3),
    ]
    with transaction(open_contest.engine) as connection:
        delete_category(connection, health, LAN)
    assert [one.slug for one in known(open_contest)] == ["chung"]
    assert open_contest.contest.version == version + 4
    actions = open_contest.rows("SELECT action FROM audit WHERE action LIKE 'category%%' ORDER BY id")
    assert [action for (action,) in actions] == [f"category.{verb}" for verb in ("create", "change", "move", "delete")]


def test_one_with_entries_stays(open_contest: Stage) -> None:
    [chung] = known(open_contest)
    with pytest.raises(CategoryRefusedError, match="not_empty"), transaction(open_contest.engine) as connection:
        delete_category(connection, chung.id, LAN)
    with pytest.raises(UnknownCategoryError), transaction(open_contest.engine) as connection:
        delete_category(connection, 999, LAN)
    assert known(open_contest) == [chung]


def test_equal_titles_have_addresses_of_their_own(open_contest: Stage) -> None:
    for title in ("Chung", "Chung", "???", "???"):
        create(open_contest, title)
    assert [one.slug for one in known(open_contest)] == ["chung", "chung-2", "chung-3", "linh-vuc", "linh-vuc-2"]
