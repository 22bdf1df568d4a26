"""Cached reads: answers that are made once and are the same for every reader."""

import hashlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

from api.answers import Answer, answer, bodiless

_CACHE_CONTROL = (b"cache-control", b"public, max-age=1")


class Cached(NamedTuple):
    """A cached read: the whole answer, those to HEAD and to a reader who has it, and the quoted part of its ETag."""

    tag: bytes
    full: Answer
    head: Answer
    unchanged: Answer


def cached(content_type: bytes, body: bytes, shown: bytes) -> Cached:
    """`shown` decides about the tag. It is weak (RFC 9110, 8.8.1): the time in the body may differ."""
    tag = b'"%s"' % hashlib.blake2b(shown, digest_size=12).hexdigest().encode()
    full = answer(200, content_type, body, ((b"etag", b"W/" + tag), _CACHE_CONTROL))
    return Cached(tag, full, bodiless(full), bodiless(full, 304))


def untagged(ready: Answer) -> Cached:
    """An answer that no reader may keep: a refusal, or a page that says to come back."""
    return Cached(b"", ready, bodiless(ready), ready)


class Pages:
    """Cached reads by path. What is not in `fixed` is made by `make` when it is first asked for: nobody pays for the
    pages of a thousand entries twice a second.
    """

    def __init__(
        self,
        fixed: Mapping[str, Cached],
        make: Callable[[str], Cached | None],
        made: dict[str, Cached] | None = None,
    ) -> None:
        self._fixed = fixed
        self._make = make
        self._made: dict[str, Cached] = {} if made is None else made

    def get(self, path: str) -> Cached | None:
        found = self._fixed.get(path) or self._made.get(path)
        if found is None:
            found = self._make(path)
            if found is not None:
                self._made[path] = found
        return found

    def __getitem__(self, path: str) -> Cached:
        """Errors: KeyError."""
        return self._fixed[path]

    def beside(self, fixed: Mapping[str, Cached]) -> "Pages":
        """The same made pages beside other fixed ones."""
        return Pages(fixed, self._make, self._made)
