"""The one OpenAPI document: FastAPI's routes, and those that the fast path answers before FastAPI sees them."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api import schemas
from api.outcomes import REFUSALS, Code

_REF = "#/components/schemas/{model}"
SESSION: list[dict[str, list[str]]] = [{"bearer": []}, {"cookie": []}]
_ENTRY_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
}
_FOR_ACCOUNT = {
    "name": "For-Account",
    "in": "header",
    "schema": {"type": "string"},
    "description": "`account_tag` of the ballot that the page kept: refused with `other_account` for another one.",
}
_VOTE_REFUSALS = (
    *(Code.NO_SESSION, Code.NOT_OPEN_YET, Code.CLOSED, Code.PAUSED, Code.BLOCKED, Code.CROSS_SITE),
    *(Code.UNKNOWN_ENTRY, Code.WRONG_METHOD, Code.OTHER_ACCOUNT, Code.TOO_LARGE, Code.TOO_MANY),
    *(Code.BUSY, Code.NOT_READY, Code.NOT_CONFIRMED),
)
_KNOWN = {"name": "If-None-Match", "in": "header", "schema": {"type": "string"}}


def problems(*codes: Code) -> dict[int | str, dict[str, Any]]:
    """OpenAPI responses of refusals; `default` stands for those that any call can meet."""
    by_status: dict[int | str, list[Code]] = {}
    for code in codes:
        by_status.setdefault(REFUSALS[code].status, []).append(code)
    described = {status: _problem(", ".join(f"`{code}`" for code in found)) for status, found in by_status.items()}
    return described | {"default": _problem("Any other refusal, told apart by `code`")}


def _problem(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/problem+json": {"schema": {"$ref": _REF.format(model="Problem")}}},
    }


def _json(description: str, model: type[BaseModel]) -> dict[str, Any]:
    schema = {"$ref": _REF.format(model=model.__name__)}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _text_keys(responses: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(status): response for status, response in responses.items()}


def _cached(summary: str, name: str, ok: dict[str, Any]) -> dict[str, Any]:
    """GET and HEAD of a cached read."""
    operation = {
        "tags": ["voters"],
        "summary": summary,
        "parameters": [_KNOWN],
        "responses": _text_keys(
            {200: ok, 304: {"description": "Unchanged"}} | problems(Code.NOT_FOUND, Code.NOT_READY)
        ),
    }
    return {"get": operation | {"operationId": f"get_{name}"}, "head": operation | {"operationId": f"head_{name}"}}


def _fast_paths() -> dict[str, Any]:
    vote = {
        "tags": ["voters"],
        "summary": "Vote for an entry",
        "description": "One account, one vote, one entry. Safe to repeat: the receipt stays the same. With a cookie "
        "instead of a bearer token the request must come from the site itself. A body is discarded, up to 64 KB. "
        "After `not_confirmed` only the repeat tells whether the vote was counted.",
        "operationId": "cast_vote",
        "parameters": [_ENTRY_ID, _FOR_ACCOUNT],
        "security": SESSION,
        "responses": _text_keys(
            {
                200: _json("`already_voted`, with the same receipt", schemas.Vote),
                201: _json("`counted`", schemas.Vote),
                **problems(*_VOTE_REFUSALS),
            }
        ),
    }
    corrections = _json("The newest, with reasons; as the result policy allows", schemas.Corrections)
    page = {"description": "The page", "content": {"text/html": {"schema": {"type": "string"}}}}
    return {
        "/api/entries/{id}/vote": {"put": vote},
        "/api/contest": _cached("The contest", "contest", _json("The contest", schemas.Contest)),
        "/api/entries": _cached("The published entries", "entries", _json("The entries", schemas.Entries)),
        "/api/tallies": _cached("Votes counted", "tallies", _json("As the result policy allows", schemas.Tallies)),
        "/api/corrections": _cached("Votes taken out of the count, and put back", "corrections", corrections),
        "/": _cached("The first page, in Vietnamese", "first_page", page),
    }


def describe(app: FastAPI, cookie: str) -> None:
    """Makes `app.openapi()` give the whole document. `cookie`: the session cookie's name on this installation."""

    def whole() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
            components = document.setdefault("components", {})
            shapes: list[Any] = [schemas.Problem, schemas.Vote, schemas.Contest, schemas.Entries, schemas.Tallies]
            shapes.append(schemas.Corrections)
            _, definitions = models_json_schema([(shape, "serialization") for shape in shapes], ref_template=_REF)
            components["schemas"] = components.get("schemas", {}) | definitions["$defs"]
            components["securitySchemes"] = {
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": cookie},
            }
            document["paths"] = _fast_paths() | document["paths"]
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = whole  # type: ignore[method-assign]  # FastAPI's documented way to extend the document
