"""The console's templates: Jinja2 as on the voters' pages (`api/voters/templates.py`), with texts, filters and `asset`
of the same names, and a catalogue of its own.

`console.html` is the layout, with the blocks `title`, `head` (for `<script type="module">`) and `main`. In every
template: `operator` (the session, None before login), `csrf` (the token: `{% include "csrf.html" %}` in every form,
which also numbers the form by `new_press()`), `left_s` (seconds until the session ends), `sections`, `path`,
`may(Role)`. `{% from "parts.html" import … with context %}` has what several pages show: notices, faults, fields,
tasks.
"""

import secrets
from datetime import datetime

from jinja2 import Environment

from api.operators.language import LANGUAGES, Language
from api.voters.templates import environment_of
from models.operator import Role
from models.times import milliseconds


def render(name: str, language: Language, /, **values: object) -> bytes:
    """The page of template `name` in UTF-8. Errors: jinja2.UndefinedError for a value that is missing."""
    return _ENVIRONMENTS[language.code].get_template(name).render(values).encode()


def _environment(language: Language) -> Environment:
    environment = environment_of("api.operators", language)
    environment.globals |= {"languages": LANGUAGES, "new_press": lambda: secrets.token_urlsafe(12), "Role": Role}
    environment.filters |= {
        "moment": lambda at: language.moment(milliseconds(at) if isinstance(at, datetime) else at),
        "say": language.text,
    }
    return environment


_ENVIRONMENTS = {language.code: _environment(language) for language in LANGUAGES}
