"""Heads of requests that never end."""

import socket

from api.protocol import HEAD_LIMIT

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
    assert answer == b"closed" or answer.startswith(b"HTTP/1.1 400")
    assert sent < 100 * HEAD_LIMIT


def test_long_heads_one_after_another_on_one_connection(api):
    for _ in range(5):
        response = api.client.get("/api/contest", headers={"X-Long": "a" * (HEAD_LIMIT - 2_000)})
        assert response.status_code == 200
    body = b"a" * 3 * HEAD_LIMIT
    assert api.client.put("/api/entries/1/vote", content=body).status_code == 413, "a body is no head"
