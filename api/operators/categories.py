"""Categories: made, renamed, put in order, taken away when empty; all on one page."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, ValidationError

from api.operators.access import MODERATOR, Acting, ConsoleProblem
from api.operators.console import Console
from api.operators.effect import chosen_contest, effect_of
from api.operators.fault_words import invalid
from api.operators.language import N_
from api.voters.responses import see_other
from models.category import (
    Category,
    CategoryRefusedError,
    UnknownCategoryError,
    categories_of,
    change_category,
    create_category,
    delete_category,
    find_category,
    move_category,
)
from models.contest import Contest, contest_by_id
from models.contest_fields import Line, OptionalLine
from models.database import Connection

PATH = "/operator/categories"
LABELS = {"title": N_("Tên lĩnh vực"), "title_en": N_("Tên tiếng Anh")}
NOT_EMPTY = N_(
    "Lĩnh vực còn bài dự thi (kể cả bản nháp và bài đã rút). Hãy chuyển các bài đó sang lĩnh vực khác trước."
)
FINAL = N_("Kết quả đã chốt: không thêm hay xoá lĩnh vực được nữa.")
TOO_MANY = N_("Cuộc thi đã có đủ số lĩnh vực cho phép.")
TAKEN = N_("Cuộc thi đã có lĩnh vực mang tên này.")
REFUSALS = {"not_empty": NOT_EMPTY, "final": FINAL, "too_many": TOO_MANY, "taken": TAKEN}


class _Titles(BaseModel):
    model_config = ConfigDict(strict=True)

    title: Line
    title_en: OptionalLine = ""


def categories_router(console: Console) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get(PATH)
    def show(acting: Annotated[Acting, MODERATOR], contest: str = "", done: str = "") -> Response:
        with console.ledger() as connection:
            return _page(console, connection, acting, chosen_contest(console, connection, contest), done=done)

    @router.post(PATH)
    def create(acting: Annotated[Acting, MODERATOR]) -> Response:
        with console.ledger() as connection:
            contest = chosen_contest(console, connection, acting.text("contest"))
            try:
                titles = _titles(acting)
                _refuse_taken(connection, contest.id, titles.title)
                create_category(connection, contest.id, titles.title, titles.title_en, acting.actor)
            except ValidationError as error:
                return _page(console, connection, acting, contest, faults=invalid(error, LABELS, acting))
            except CategoryRefusedError as error:
                field = "title" if error.code == "taken" else ""
                return _page(console, connection, acting, contest, faults={field: acting.say(REFUSALS[error.code])})
        return _back(console, contest.id)

    @router.post(PATH + "/{category_id:int}")
    def change(acting: Annotated[Acting, MODERATOR], category_id: int) -> Response:
        return _change(console, acting, category_id)

    @router.post(PATH + "/{category_id:int}/delete")
    def delete(acting: Annotated[Acting, MODERATOR], category_id: int) -> Response:
        with console.ledger() as connection:
            category = _known(connection, category_id)
            contest = contest_by_id(connection, category.contest_id)
            try:
                delete_category(connection, category_id, acting.actor)
            except CategoryRefusedError as error:
                said = f"{category.title}: {acting.say(REFUSALS[error.code])}"
                return _page(console, connection, acting, contest, faults={"": said})
        return _back(console, category.contest_id)

    return router


def _change(console: Console, acting: Acting, category_id: int) -> Response:
    """Renames it, or moves it to the place that was typed."""
    with console.ledger() as connection:
        category = _known(connection, category_id)
        contest = contest_by_id(connection, category.contest_id)
        try:
            titles = _titles(acting)
            if titles.title != category.title:
                _refuse_taken(connection, contest.id, titles.title, but=category_id)
            change_category(connection, category_id, titles.title, titles.title_en, acting.actor)
            place = acting.number("place")
            if place is not None:
                move_category(connection, category_id, place, acting.actor)
        except ValidationError as error:
            faults = {f"{name}-{category_id}": said for name, said in invalid(error, LABELS, acting).items()}
            return _page(console, connection, acting, contest, faults=faults, changed=category_id)
        except CategoryRefusedError as error:
            faults = {f"title-{category_id}": acting.say(REFUSALS[error.code])}
            return _page(console, connection, acting, contest, faults=faults, changed=category_id)
    return _back(console, category.contest_id)


def _refuse_taken(connection: Connection, contest_id: int, title: str, but: int = 0) -> None:
    """People tell categories apart by their titles, in lists and in spreadsheets. Errors: CategoryRefusedError."""
    others = {one.title.casefold() for one in categories_of(connection, contest_id) if one.id != but}
    if title.casefold() in others:
        raise CategoryRefusedError("taken")


def _titles(acting: Acting) -> _Titles:
    return _Titles.model_validate({name: acting.text(name) for name in LABELS})


def _known(connection: Connection, category_id: int) -> Category:
    try:
        return find_category(connection, category_id)
    except UnknownCategoryError:
        raise ConsoleProblem(404, N_("Không có lĩnh vực này.")) from None


def _back(console: Console, contest_id: int) -> Response:
    with console.ledger() as connection:
        contest = contest_by_id(connection, contest_id)
    console.in_effect(contest)
    return see_other(f"{PATH}?contest={contest_id}&done=saved")


def _page(
    console: Console,
    connection: Connection,
    acting: Acting,
    contest: Contest,
    *,
    faults: dict[str, str] | None = None,
    changed: int = 0,
    done: str = "",
) -> Response:
    """`changed`: the category whose form is shown as it was typed; 0: the form of a new one."""
    return console.page(
        acting,
        "categories.html",
        422 if faults else 200,
        contest=contest,
        categories=categories_of(connection, contest.id),
        faults=faults or {},
        changed=changed if faults else None,
        typed={name: acting.text(name) for name in (*LABELS, "place")},
        done=bool(done) and not faults,
        effect=effect_of(console, contest),
    )
