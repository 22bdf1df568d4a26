"""The voters' templates: Jinja2 with every value escaped, and an error for a name that nobody gave.

`layout.html` has the blocks `title` and `main`. It takes `contest` (the contest of the published document; without it
a page has no organiser and no help line) and `here` (the address of the navigation's current page); both may be absent.
"""

import re

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from api.times import vietnamese, vietnamese_end
from api.voters.assets import STYLESHEET

_HEADING = re.compile(r"\d+\. \S")


def render(name: str, **values: object) -> bytes:
    """The page of template `name` in UTF-8. Errors: jinja2.UndefinedError for a value that is missing."""
    return _environment.get_template(name).render(values).encode()


def _number(value: int) -> str:
    """`12.345`, as Vietnamese writes it."""
    return f"{value:,}".replace(",", ".")


def _prose(text: str) -> Markup:
    """Paragraphs of an organiser's plain text; a first line such as `3. Số phiếu` becomes a heading."""
    parts: list[Markup] = []
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = block.strip().split("\n")
        if len(lines) > 1 and _HEADING.match(lines[0]):
            parts.append(Markup("<h2>{}</h2>").format(lines.pop(0)))
        if any(lines):
            parts.append(Markup("<p>{}</p>").format(Markup("<br>\n").join(escape(line) for line in lines)))
    return Markup("\n").join(parts)


_environment = Environment(
    loader=PackageLoader("api.voters", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_environment.globals["stylesheet"] = STYLESHEET
_environment.filters["number"] = _number
_environment.filters["prose"] = _prose
_environment.filters["until"] = vietnamese_end
_environment.filters["vietnamese"] = vietnamese
