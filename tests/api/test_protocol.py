"""Heads of requests that never end, and what stands behind a body."""

import socket
import time

import pytest

from api.head import MOST_FIELDS
from api.outcomes import Code, problem_body
from api.protocol import HEAD_LIMIT
from tests.api.running import new_account, token_for

BOTH_LAYERS = True


def test_a_head_that_never_ends_is_cut_off(api):
    with socket.create_connection(("127.0.0.1", api.port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: ")
        sent = 0
        answer = b""
        try:
            while sent < 100 * HEAD_LIMIT:
                connection.sendall(b"a" * 4096)
                sent += 4096
            answer = connection.recv(4096)
        except ConnectionError:  # it was closed with what we sent still unread
            answer = b"closed"
    assert answer == b"closed" or answer.startswith(b"HTTP/1.1 431 ")
    assert sent < 100 * HEAD_LIMIT


def test_long_heads_one_after_another_on_one_connection(api):
    for _ in range(5):
        response = api.client.get("/api/contest", headers={"X-Long": "a" * (HEAD_LIMIT - 2_000)})
        assert response.status_code == 200
    body = b"a" * 3 * HEAD_LIMIT
    assert api.client.put("/api/entries/1/vote", content=body).status_code == 413, "a body is no head"


def said(port: int, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(sent)
        return connection.recv(65_536)


@pytest.mark.parametrize("line", [b"PUT /api/entries/1/vote", b"GET /api/contest", b"GET /api/none"])
def test_a_hundred_fields_are_read_and_one_more_is_refused(api, line):
    for fields, refused in ((MOST_FIELDS, False), (MOST_FIELDS + 1, True)):
        more = b"".join(b"A%d: b\r\n" % number for number in range(fields))
        answer = said(api.port, line + b" HTTP/1.1\r\n" + more + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n") == refused, answer
        if refused:
            head, _, body = answer.partition(b"\r\n\r\n")
            assert body == problem_body(Code.HEAD_TOO_LARGE)
            assert head.endswith(b"\r\nconnection: close")
            assert b"\r\nx-content-type-options: nosniff\r\n" in head


def test_what_is_no_request_is_refused_in_the_words_of_the_contract(api):
    head, _, body = said(api.port, b"nonsense\r\n\r\n").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"\r\ncontent-type: application/problem+json\r\n" in head
    assert body == problem_body(Code.MALFORMED)


def test_a_field_behind_a_body_is_none_of_the_head(api):
    """A session there would be one that no proxy and no log has seen."""
    token = token_for(new_account(), time.time()).encode()
    begin = b"PUT /api/entries/1/vote HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
    bearer = b"Authorization: Bearer " + token + b"\r\n"
    assert said(api.port, begin + b"\r\n0\r\n" + bearer + b"\r\n").startswith(b"HTTP/1.1 401 ")
    assert said(api.port, begin + bearer + b"\r\n0\r\n\r\n").startswith(b"HTTP/1.1 201 ")
