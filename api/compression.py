"""Bodies made smaller, by the codings that browsers take (RFC 9110, 8.4.1): `br` and `gzip`."""

import gzip
from collections.abc import Callable

import brotli

CODINGS = (b"br", b"gzip")
"""The better one first."""
_PAGE_BROTLI = 5  # of 11: a page is made again with each change, in the process that answers votes
_PAGE_GZIP = 6
_brotli: Callable[..., bytes] = brotli.compress  # the package has no types


def encoded(body: bytes, coding: bytes) -> bytes:
    """`body` in a coding of `CODINGS`, fast enough for a page: about 1 ms for 100 KB."""
    if coding == b"br":
        return _brotli(body, mode=brotli.MODE_TEXT, quality=_PAGE_BROTLI)
    return gzip.compress(body, _PAGE_GZIP, mtime=0)


def compressed(body: bytes) -> dict[bytes, bytes]:
    """Coding → `body` as small as it gets, for what is made once at start; codings that do not make it smaller are
    left out.
    """
    made = {b"br": _brotli(body, quality=11), b"gzip": gzip.compress(body, 9, mtime=0)}
    return {coding: small for coding, small in made.items() if len(small) < len(body)}
