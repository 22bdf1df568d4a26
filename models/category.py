"""Categories of a contest as operators work on them. The table is in `models/contest.py`; every change takes the
contest's row, raises its version and writes its line of the audit log.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, Select, delete, func, insert, select, update

from models import audit
from models.audit import Actor
from models.contest import categories, contest_by_id, entries, raise_version
from models.contest_file import MAX_CATEGORIES
from models.entry_fields import LONGEST_SLUG, slug_of


class UnknownCategoryError(Exception):
    """No such category in the ledger."""


class CategoryRefusedError(Exception):
    """The change may not be made. `code`: `not_empty`, `too_many`, `final` (the results stand)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Category:
    """A category's row, and how many entries stand in it, drafts and withdrawn ones too."""

    id: int
    contest_id: int
    slug: str
    title: str
    title_en: str
    position: int
    entries: int


def _rows() -> Select[tuple[int, int, str, str, str, int, int]]:
    number = select(func.count()).where(entries.c.category_id == categories.c.id).scalar_subquery()
    columns = (categories.c[name] for name in Category.__dataclass_fields__ if name != "entries")
    return select(*columns, number.label("entries"))


def categories_of(connection: Connection, contest_id: int) -> list[Category]:
    """All of them, in the organisers' order."""
    query = _rows().where(categories.c.contest_id == contest_id).order_by(categories.c.position, categories.c.id)
    return [Category(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - public name


def find_category(connection: Connection, category_id: int) -> Category:
    """Errors: UnknownCategoryError."""
    row = connection.execute(_rows().where(categories.c.id == category_id)).first()
    if row is None:
        raise UnknownCategoryError(f"no category with id {category_id}")
    return Category(**row._mapping)  # noqa: SLF001 - public name


def create_category(connection: Connection, contest_id: int, title: str, title_en: str, actor: Actor) -> int:
    """A new category, the last in order; its slug is made of the title. Returns its id.

    Errors: CategoryRefusedError, UnknownContestError.
    """
    _lock(connection, contest_id)
    known = categories_of(connection, contest_id)
    if len(known) >= MAX_CATEGORIES:
        raise CategoryRefusedError("too_many")
    slug = _free_slug({category.slug for category in known}, slug_of(title, "linh-vuc"))
    position = max((category.position for category in known), default=-1) + 1
    row = {"contest_id": contest_id, "slug": slug, "title": title, "title_en": title_en, "position": position}
    category_id: int = connection.execute(insert(categories).values(row).returning(categories.c.id)).scalar_one()
    after = {"slug": slug, "title": title, "title_en": title_en}
    _note(connection, contest_id, actor, "category.create", category_id, {}, after)
    return category_id


def change_category(connection: Connection, category_id: int, title: str, title_en: str, actor: Actor) -> None:
    """Gives it other titles; its slug stays. Errors: UnknownCategoryError."""
    category = find_category(connection, category_id)
    _lock(connection, category.contest_id, final=True)
    values = {"title": title, "title_en": title_en}
    before, after = audit.difference({"title": category.title, "title_en": category.title_en}, values)
    if after:
        connection.execute(update(categories).where(categories.c.id == category_id).values(values))
        _note(connection, category.contest_id, actor, "category.change", category_id, before, after)


def move_category(connection: Connection, category_id: int, place: int, actor: Actor) -> None:
    """Moves it to `place` (from 1) in the organisers' order; the others close up. Errors: UnknownCategoryError."""
    category = find_category(connection, category_id)
    _lock(connection, category.contest_id, final=True)
    known = categories_of(connection, category.contest_id)
    order = [one.id for one in known]
    was = order.index(category_id) + 1
    order.remove(category_id)
    order.insert(max(0, place - 1), category_id)
    now = order.index(category_id) + 1
    if now == was:
        return
    for position, one in enumerate(order):
        connection.execute(update(categories).where(categories.c.id == one).values(position=position))
    before, after = {"place": was}, {"place": now}
    _note(connection, category.contest_id, actor, "category.move", category_id, before, after)


def delete_category(connection: Connection, category_id: int, actor: Actor) -> None:
    """Errors: UnknownCategoryError, CategoryRefusedError (`not_empty`)."""
    contest_id = find_category(connection, category_id).contest_id
    _lock(connection, contest_id)
    category = find_category(connection, category_id)  # as it is behind the lock
    if category.entries:
        raise CategoryRefusedError("not_empty")
    connection.execute(delete(categories).where(categories.c.id == category_id))
    before = {"slug": category.slug, "title": category.title, "title_en": category.title_en}
    _note(connection, contest_id, actor, "category.delete", category_id, before, {})


def _lock(connection: Connection, contest_id: int, *, final: bool = False) -> None:
    """Errors: CategoryRefusedError where the results stand, unless the change may be made even then (`final`)."""
    contest = contest_by_id(connection, contest_id, lock=True)
    if contest.state == "final" and not final:
        raise CategoryRefusedError("final")


def _note(
    connection: Connection,
    contest_id: int,
    actor: Actor,
    action: str,
    category_id: int,
    before: dict[str, str] | dict[str, int],
    after: dict[str, str] | dict[str, int],
) -> None:
    raise_version(connection, contest_id)
    subject = f"category:{category_id}"
    audit.record(connection, actor, action, subject, contest_id=contest_id, before=dict(before), after=dict(after))


def _free_slug(taken: set[str], wanted: str) -> str:
    tries = [wanted, *(f"{wanted[: LONGEST_SLUG - 4].strip('-')}-{number}" for number in range(2, MAX_CATEGORIES + 2))]
    return next(slug for slug in tries if slug not in taken)
