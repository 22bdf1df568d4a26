"""The order that `kill -9` cannot show: a vote is on disk before its answer leaves, in both layers of the fast path."""

import json
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.chaos.arena import Arena
from tests.chaos.clients import account_of
from tests.servers import wait_for

VOTES = 20
LAYERS = {"lane": b"", "asgi": b"Connection: close\r\n"}
"""What a head must have for each layer: of what closes its connection, the vote lane leaves the reading to uvicorn."""


@pytest.mark.parametrize("layer", LAYERS)
def test_on_disk_before_the_answer_leaves(arena: Arena, layer: str, tmp_path: Path) -> None:
    """Box and API under strace: `fdatasync` of the AOF before the answer is written to the voter, in both layers"""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    arena.start()
    trace = tmp_path / "trace"
    pids = [*arena.pids("box"), *arena.pids("api")]
    words = ["strace", "-f", "-y", "-s", "300", "-e", "trace=write,writev,sendto,sendmsg,fsync,fdatasync"]
    words += [word for pid in pids for word in ("-p", str(pid))]
    with subprocess.Popen([*words, "-o", trace], stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        said = [strace.stderr.readline() for _ in pids]
        if not all("attached" in text for text in said):
            strace.kill()
            pytest.skip(f"strace cannot attach: {said}")
        for _, token in zip(range(VOTES), arena.tokens, strict=False):
            assert _vote(arena.stack.port, token, LAYERS[layer]) == "counted"
        wait_for(lambda: trace.read_text(errors="replace").count("HTTP/1.1 201") >= VOTES, 10, "the trace")
        strace.terminate()
    steps = _steps(trace.read_text(errors="replace"))
    assert re.fullmatch(rf"(w+f+r){{{VOTES}}}", steps), steps
    arena.result = {"acknowledged": VOTES, "lost": 0, "doubled": 0}


def _vote(port: int, token: str, header: bytes) -> str:
    assert account_of(token)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        head = f"PUT /api/entries/1/vote HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n".encode()
        connection.sendall(head + header + b"\r\n")
        answer = b""
        while b"}" not in answer:
            answer += connection.recv(4096)
    return str(json.loads(answer.partition(b"\r\n\r\n")[2])["status"])


def _steps(trace: str) -> str:
    """w: a vote went into the log of the disk, f: that is on disk, r: the voter's answer leaves.

    A call that another process's interrupts in the trace stands in two lines: an answer counts from its beginning, what
    is done for the disk from its end.
    """
    steps, begun = "", {}
    for line in trace.splitlines():
        pid, _, call = line.partition(" ")
        if "HTTP/1.1 201" in call:
            steps += "r"
        elif call.endswith("<unfinished ...>"):
            begun[pid] = call
        elif re.search(r"= \d+$", call):
            whole = begun.pop(pid, "") + call if "resumed>" in call else call
            if "appendonly.aof" in whole:
                steps += "f" if "sync(" in whole else "w" if "XADD" in whole else ""
    return steps
