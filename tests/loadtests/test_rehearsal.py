"""The rehearsal as a process: short, but with every part of it real."""

import json
import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from loadtests.rehearsal.journal import read_votes
from tests.journeys.stack import Stack
from tests.loadtests.rehearsing import ended, start
from tests.loadtests.test_bench import processes_of
from tests.loadtests.tls import make_certificate, tls_before
from tests.servers import wait_for

SHORT = ["--inhabitants", "200", "--reached", "1", "--minutes", "0.2", "--processes", "2"]


def result(folder):
    [kept] = folder.iterdir()
    return kept, json.loads((kept / "verdict.json").read_text(encoding="utf-8"))


def by_name(verdict):
    return {check["name"]: check for check in verdict["checks"]}


@pytest.mark.timeout(200)
def test_a_rehearsal_checks_the_books_and_leaves_only_its_report(tmp_path):
    process = start(tmp_path, *SHORT)
    said = ended(process)
    kept, verdict = result(tmp_path)
    checks = by_name(verdict)
    # What may fail on a machine that is busy:
    slow = {"vote_p95", "vote_p99", "page_p95", "on_time", "flush_lag", "turned_away", "drained", "logins"}
    assert {name for name, check in checks.items() if check["ok"] is False} <= slow, said
    assert process.returncode == (0 if verdict["go"] else 1)
    assert verdict["verdict"] in said.splitlines()[-1]
    assert str(kept / "report.html") in said
    books = verdict["books"]
    assert books["acknowledged"] > 400
    assert books["box"] == books["ledger"] == books["counted"] == books["acknowledged"]
    assert books["receipts"] == {"in_ledger": min(1000, books["acknowledged"])}
    assert verdict["counted"]["come.DoubleClicker"] == 10
    assert verdict["counted"]["status.bot.401"] > 0
    assert verdict["counted"]["status.bot.200"] > 0
    assert verdict["counted"]["login.done"] > 0
    assert "Locust's page: http://127.0.0.1:" in said
    assert not (kept / "stack").exists()
    assert not (kept / "tokens").exists()
    assert {"report.html", "verdict.json", "logs", "stack.log", "locust.log", "votes-0.tsv"} <= {
        path.name for path in kept.iterdir()
    }
    assert processes_of(tmp_path) == []


@pytest.mark.timeout(240)
def test_a_box_that_is_killed_in_the_middle_ends_in_a_truthful_report(tmp_path):
    process = start(tmp_path, *SHORT[:4], "--minutes", "0.3", "--shape", "soak", "--processes", "1")
    try:
        wait_for(lambda: acknowledged(tmp_path) > 100 or process.poll() is not None, 90, "votes")
        [stack] = tmp_path.glob("*/stack/stack.json")
        [box] = [one["pid"] for one in json.loads(stack.read_text()) if one["role"] == "box"]
        os.kill(box, signal.SIGSTOP)  # so that votes are surely on their way to it when it dies
        wait_for(lambda: unclear(tmp_path), 30, "a vote that is not confirmed")
        os.kill(box, signal.SIGKILL)
    finally:
        said = ended(process)
    kept, verdict = result(tmp_path)
    checks = by_name(verdict)
    assert process.returncode == 1, said
    assert verdict["verdict"] == "KHÔNG ĐẠT"
    assert checks["no_restarts"]["ok"] is False
    assert "box ended" in checks["no_restarts"]["seen"]
    counted = verdict["counted"]
    assert counted["code.not_confirmed"] > 0
    codes = {name.removeprefix("code.") for name in counted if name.startswith("code.")}
    assert codes <= {"not_ready", "not_confirmed", "busy"}
    exact = {"acknowledged_is_counted", "box_is_ledger", "nobody_twice", "receipts_are_own", "receipts_in_ledger"}
    for name in exact | {"no_other_5xx"}:
        assert checks[name]["ok"] is True, checks[name]
    books = verdict["books"]
    assert 0 <= books["counted"] - books["acknowledged"] - books["found"] <= books["unknown"]
    assert books["unknown"] <= 10, "only who logged in for real can stay unclear: two people"
    report = (kept / "report.html").read_text(encoding="utf-8")
    assert "KHÔNG ĐẠT" in report
    assert "box ended" in report
    assert "presses were not answered at once" in report
    assert processes_of(tmp_path) == []


def unclear(folder):
    return any(read_votes(one).unknown for one in folder.iterdir())


def acknowledged(folder):
    return sum(len(read_votes(one).receipts) for one in folder.iterdir())


class Installation(BaseHTTPRequestHandler):
    """One whose contest says `says`; `asked`: every request it got."""

    asked: ClassVar[list[str]]
    says: ClassVar[dict[str, object]]

    def do_GET(self):  # the name is http.server's
        self.asked.append(f"{self.command} {self.path}")
        body = json.dumps({"id": 1, "entries": [{"id": 1, "slug": "a"}]} | self.says).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        self.do_GET()

    def do_POST(self):
        self.do_GET()

    def log_message(self, *args):
        pass


OPEN = {"state": "open", "minted_sessions": True, "result_policy": "live"}


@pytest.mark.parametrize("more", [[], ["--capacity"]])
@pytest.mark.parametrize(
    ("says", "why"),
    [
        (OPEN | {"minted_sessions": False}, "was not made for rehearsal"),
        ({"state": "open"}, "does not answer as this system does"),
        (OPEN | {"state": "closed"}, "takes no votes: state closed"),
        (OPEN | {"result_policy": "hidden"}, "hides its counts"),
    ],
)
def test_a_contest_that_is_not_for_it_is_refused_before_a_single_vote(tmp_path, says, why, more):
    tokens = tmp_path / "tokens"
    tokens.write_text("x" * 56 + "\n")
    asked = type("Asked", (Installation,), {"asked": [], "says": says})
    with ThreadingHTTPServer(("127.0.0.1", 0), asked) as server:
        threading.Thread(target=server.serve_forever).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        process = start(tmp_path / "kept", *SHORT, *more, "--url", url, "--tokens", str(tokens))
        said = ended(process, 30)
        server.shutdown()
    assert process.returncode == 1
    assert why in said
    assert set(asked.asked) <= {"GET /api/contest", "GET /api/entries", "GET /"}
    assert list((tmp_path / "kept").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--url", "https://dien-tap.example.vn"], "an address needs TOKENS too"),
        (["--tokens", "{tokens}"], "there is no URL"),
        (["--capacity", "--tokens", "{tokens}"], "there is no URL"),
        (["--url", "dien-tap.example.vn", "--tokens", "{tokens}"], "begins with http:// or https://"),
        (["--url", "https://x.example.vn", "--tokens", "{tokens}.none"], "there is no file"),
        (["--processes", "0"], "from 1"),
        (["--voters-a-minute", "9"], "belongs to --capacity"),
        (["--reached", "5"], "reached above 0 to 1"),
    ],
)
def test_what_does_not_go_together_is_said_at_once(tmp_path, words, why):
    (tmp_path / "tokens").write_text("x" * 56 + "\n")
    process = start(tmp_path / "kept", *(word.format(tokens=tmp_path / "tokens") for word in words))
    said = ended(process, 30)
    assert process.returncode == 1
    assert why in said
    assert not list((tmp_path / "kept").glob("*"))


@pytest.mark.timeout(240)
def test_an_installation_elsewhere_is_checked_by_what_http_tells(tmp_path):
    stack = Stack(tmp_path / "installation").start()
    tokens, few = tmp_path / "tokens", tmp_path / "few"
    try:
        stack.run("mint-sessions", "--count", "400", "--out", str(tokens))
        few.write_text("".join(tokens.read_text().splitlines(keepends=True)[:9]))
        too_few = start(tmp_path / "none", *SHORT, "--url", stack.address, "--tokens", str(few))
        assert "9 tokens, this turnout needs 25" in ended(too_few)
        kept = tmp_path / "kept"
        certificate, key = make_certificate(tmp_path)
        with tls_before(stack.port, certificate, key) as port:
            words = ["--url", f"https://127.0.0.1:{port}", "--tokens", str(tokens)]
            refused = start(tmp_path / "strange", *SHORT, *words)  # a certificate that nobody vouches for
            assert "CERTIFICATE_VERIFY_FAILED" in ended(refused)
            said = ended(start(kept, *SHORT, *words, SSL_CERT_FILE=str(certificate)))
        folder, verdict = result(kept)
        checks = by_name(verdict)
        books = verdict["books"]
        assert books["counted"] == books["acknowledged"] > 400, said
        assert checks["acknowledged_is_counted"]["ok"] is True
        assert checks["receipts_in_ledger"]["ok"] is True
        assert {name for name, check in checks.items() if check["ok"] is None} == {
            *("box_is_ledger", "memory_left", "no_restarts", "logins")
        }
        report = (folder / "report.html").read_text(encoding="utf-8")
        assert "only what HTTP tells" in report
        assert "look at these yourself" in report
        assert tokens.exists()
    finally:
        assert stack.stop() == 0
