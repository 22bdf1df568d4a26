"""The voters' templates: Jinja2 with every value escaped, and an error for a name that nobody gave.

Texts stand in Vietnamese between `{% trans %}` and `{% endtrans %}` or in `_("…")`; `render` puts them into the
reader's language. In every template: `lang` (the language), `languages` (all of them), `url("/binh-chon")` (an
address in this language), `asset("site.css")` (the address of a static file), the filters `number`, `votes`, `moment`,
`until` (see `Language`), `prose` (Markdown as HTML), `plain` (the same without marks, on one line), and
`entry | field("title")`, which is the English text of a record where there is one.

`layout.html` has the blocks `title`, `head` and `main`. It takes `view` (without one a page says nothing of the
contest, its state and its organiser; with one there is `contest` too) and `path` (of this page in Vietnamese, with its
query: for the switch of language and the navigation); both may be absent.
"""

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from api.voters.assets import address_of
from api.voters.language import LANGUAGES, Language
from api.voters.view import View
from api.voters.words import script_words
from models.markdown import plain, rendered


def render(name: str, language: Language, **values: object) -> bytes:
    """The page of template `name` in UTF-8. Errors: jinja2.UndefinedError for a value that is missing."""
    view = values.setdefault("view", None)
    if isinstance(view, View):
        values["contest"] = view.contest
    values.setdefault("contest", None)
    return _ENVIRONMENTS[language.code].get_template(name).render(values).encode()


def _prose(text: str) -> Markup:
    """An organiser's or author's Markdown."""
    return Markup(rendered(text))  # noqa: S704 - cleaned there


def environment_of(package: str, language: Language) -> Environment:
    """The templates of a package, with what voters' and operators' pages have in common."""
    environment = Environment(
        loader=PackageLoader(package, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    i18n: Any = environment
    i18n.install_gettext_translations(language.translations, newstyle=True)
    environment.globals |= {"asset": address_of, "lang": language}
    environment.filters |= {
        "code_of": language.code_of,
        "field": language.of,
        "moment": language.moment,
        "number": language.number,
        "votes": language.votes,
    }
    return environment


def _environment(language: Language) -> Environment:
    environment = environment_of("api.voters", language)
    environment.globals |= {"languages": LANGUAGES, "script_words": script_words(language), "url": language.path}
    environment.filters |= {"plain": plain, "prose": _prose, "until": language.until}
    return environment


_ENVIRONMENTS = {language.code: _environment(language) for language in LANGUAGES}
