"""Requests as browsers send them, and everything that may be wrong with one, for Hypothesis."""

from typing import Any

from hypothesis import strategies as st

# What is sent: mostly votes as browsers send them, and everything that may be wrong with one.
TARGETS = (
    *(f"/api/entries/{entry}/vote" for entry in (1, 2, 3)),
    *("/api/entries/9/vote", "/api/entries/01/vote", "/api/entries/2147483648/vote", "/api/entries//vote"),
    *("/api/entries/1/vote?x=1", "/api/entries/%31/vote", "/api/entries/1/vote/", "//api/entries/1/vote", "*"),
    *("http://x/api/entries/1/vote", "/api/entries/1/vote#x", "/api/entries/\xe9/vote", "/api/entries/a b/vote"),
    *("/api/contest", "/api/entries", "/the-le", "/khong-co", "/", "/?a=1", "/static/khong-co.css", "/api/tallies"),
)
FIELDS = (
    *(b"Host: x", b"HOST:x", b"Accept: */*", b"Accept-Encoding: br", b"Accept-Encoding: gzip, br", b"If-None-Match: *"),
    *(b"User-Agent: a", b"User-Agent:\tb \t", b"X-Forwarded-For: 10.0.0.1", b"Origin: http://x", b"Origin: http://y"),
    *(b"X-Forwarded-For: 10.0.0.1, 10.0.0.2:80 ", b"Sec-Fetch-Site: ", b"For-Account:", b"Content-Length: 0 "),
    *(b"Connection: keep-alive", b"Connection: Keep-Alive", b"Connection: close", b"Connection: close, x", b"Te: x"),
    *(b"Proxy-Connection: close", b"Content-Length: 0", b"Content-Length: +0", b"Content-Length: 00", b"Expect: x"),
    *(b"Expect: 100-continue", b"Upgrade: websocket", b"Connection: Upgrade", b"Transfer-Encoding: identity"),
    *(b"Sec-Fetch-Site: same-origin", b"Sec-Fetch-Site: cross-site", b"For-Account: x", b"Empty:", b"No colon"),
    *(b"Space : x", b": none", b" folded", b"Nul: a\x00b", b"Return: a\rb", b"Feed: a\nb", b"High: \xff", b"N\xc3: x"),
    *(b"Authorization: Basic x", b"Authorization: Bearer x", b"X-Long: " + b"a" * 3_000),
)
HOLDERS = (
    *(b"Authorization: Bearer %b", b"authorization:bearer %b", b"Authorization:  Bearer  %b ", b"X-Nothing: %b"),
    *(b"Cookie: session=%b\r\nSec-Fetch-Site: same-origin", b"Cookie: a=1; session=%b\r\nOrigin: http://x\r\nHost: x"),
    *(b"Cookie: session=%b", b"Authorization: Bearer %b\r\nAuthorization: Bearer x"),
    *(b"Cookie: session=%b\r\nSec-Fetch-Site: same-origin ", b"Cookie: session=%b\r\nOrigin: http://x\t\r\nHost: x"),
    *(
        b"Authorization: Bearer x\r\nAuthorization: Bearer %b",
        b"Cookie: session=x\r\nCookie: session=%b\r\nOrigin: http://x",
    ),
)
BODIES = (
    *(
        b"Content-Length: 5\r\n\r\nhello",
        b"Content-Length: 5\r\n\r\nhe",
        b"Content-Length: 70000\r\n\r\n" + b"a" * 70_000,
    ),
    *(b"Content-Length: 70000\r\n\r\nhe", b"X-Cut: ", b"X-Cut"),
    *(b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    *(b"".join(b"A%d: b\r\n" % number for number in range(most)) + b"\r\n" for most in (98, 99, 100, 101)),
    b"Transfer-Encoding: chunked\r\n\r\n0\r\nFor-Account: x\r\n\r\n",
    *(b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", b"Content-Length: 4\r\n\r\nGET "),
)


def often(usual: Any, rare: Any) -> st.SearchStrategy[Any]:
    """`usual` in four of five cases."""
    return st.integers(0, 4).flatmap(lambda chance: usual if chance else rare)


METHODS = (b"GET", b"HEAD", b"POST", b"PUT", b"put", b"CONNECT", b"OPTIONS")
VERSIONS = (b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"http/1.1", b"")
LINES = (b"%b  %b %b", b"%b %b  %b", b"%b %b %b ", b"\r\n%b %b %b")
SCRAPS = (b"\r\n", b"\n", b"\r", b"PUT ", b"GET / HTTP/1.1")
ENDS = (*(b"\r\n" + body for body in BODIES), b"\n\n", b"\r\n", b"")


@st.composite
def requests(draw: st.DrawFn, tokens: list[bytes]) -> bytes:
    """One request, more or less."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.one_of(st.binary(max_size=60), st.sampled_from(SCRAPS)))
    target = draw(often(st.sampled_from(TARGETS[:3]), st.sampled_from(TARGETS))).encode("latin-1")
    usual = b"PUT" if target.endswith(b"/vote") else b"GET"
    method = draw(often(st.just(usual), st.sampled_from(METHODS)))
    version = draw(often(st.just(b"HTTP/1.1"), st.sampled_from(VERSIONS)))
    line = draw(often(st.just(b"%b %b %b"), st.sampled_from(LINES)))
    holder = draw(often(st.sampled_from(HOLDERS[:5]), st.sampled_from(HOLDERS))) % draw(st.sampled_from(tokens))
    fields = draw(st.lists(often(st.sampled_from(FIELDS[:8]), st.sampled_from(FIELDS)), max_size=4))
    end = draw(often(st.just(b"\r\n\r\n"), st.sampled_from(ENDS)))
    between = draw(often(st.just(b"\r\n"), st.sampled_from((b"\n", b"\r"))))
    return line % (method, target, version) + b"\r\n" + between.join([holder, *fields]) + end
