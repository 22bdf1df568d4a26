"""Sending answers to claims: row by row of the crash table in workers/answers.py, with a real SMTP server."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from aiosmtpd.controller import Controller
from sqlalchemy import text
from structlog.testing import capture_logs

from models.audit import Actor
from models.channels import Channels
from models.claim import Claim, spelled, store
from models.claim_answer import add_answer, are_due
from models.claim_inbox import find_claim, move
from models.database import Engine, transaction, worker_engine
from models.mail import MailServer
from models.scratch.outbox import DEMO
from tests.workers.mail_box import MailBox, always
from workers import answers
from workers.answers import send_answers

AN = "an@example.vn"
FROM = "binhchon@example.vn"
LAN = Actor("lan", 1)
NOWHERE = "unix:///nonexistent"


@pytest.fixture
def mail_box() -> MailBox:
    return MailBox()


@pytest.fixture
def server(mail_box: MailBox) -> Iterator[MailServer]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    controller = Controller(mail_box, hostname="127.0.0.1", port=port)
    controller.start()
    yield MailServer("127.0.0.1", port, tls=False, sender=FROM)
    controller.stop()


@pytest.fixture
def engine(database: str) -> Engine:
    return worker_engine(database)


def answered(engine: Engine, *, language: str = "vi", to: str = AN) -> Claim:
    """A claim with an answer that waits."""
    claim = Claim(7, 1_764_000_000_123, language, "chuyện", contact=to)
    with transaction(engine) as connection:
        store(connection, [claim])
        assert move(connection, claim.id, 1, "answered")
        add_answer(connection, claim.id, "email", to, language, "Phiếu của bạn\nđã được tính.", LAN)
    return claim


def send(
    engine: Engine, mail: MailServer | None, scratch: str = NOWHERE, *, shown: bool = False, most: int = 50
) -> int:
    return send_answers(engine, scratch, Channels(mail, None, shown), stopping=lambda: False, most=most)


def rows(engine: Engine) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT state, tries, problem FROM claim_answers ORDER BY id")
        return [tuple(row) for row in found]


def make_due(engine: Engine, more: str = "") -> None:
    with transaction(engine) as connection:
        connection.execute(text(f"UPDATE claim_answers SET due_at = now() {more}"))


def waits_until(engine: Engine) -> float:
    """Seconds to the next try."""
    with engine.connect() as connection:
        return float(connection.scalar(text("SELECT extract(epoch FROM due_at - now()) FROM claim_answers")) or 0)


def state(engine: Engine, claim: Claim) -> str:
    with transaction(engine) as connection:
        found = find_claim(connection, claim.id)
    assert found
    return found.state


@pytest.mark.parametrize(("language", "subject"), [("vi", "Trả lời báo mất phiếu"), ("en", "Answer to your report")])
def test_an_answer_is_sent_once(
    engine: Engine, server: MailServer, mail_box: MailBox, language: str, subject: str
) -> None:
    claim = answered(engine, language=language)
    assert (send(engine, server), send(engine, server)) == (1, 0)
    ((to, mail),) = mail_box.mails
    assert to == [AN]
    assert subject in mail["Subject"]
    assert spelled(claim.reference) in mail["Subject"]
    assert mail.get_content().replace("\r\n", "\n").strip() == "Phiếu của bạn\nđã được tính."
    assert rows(engine) == [("sent", 1, "")]
    with transaction(engine) as connection:
        assert not are_due(connection)


class Death(BaseException):
    """The worker is killed here."""


def test_dies_after_the_server_took_it_and_the_second_mail_is_known_as_the_first(
    engine: Engine, server: MailServer, mail_box: MailBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(engine)

    def dies(*_: object) -> None:
        raise Death

    with monkeypatch.context() as patch:
        patch.setattr(answers, "note_sent", dies)
        with pytest.raises(Death):
            send(engine, server)
    assert send(engine, server) == 0, "the lease of who died has not ended"
    assert 60 < waits_until(engine) <= 90
    make_due(engine)
    assert send(engine, server) == 1
    first, second = (mail for _to, mail in mail_box.mails)
    assert first["Message-ID"] == second["Message-ID"]
    assert rows(engine) == [("sent", 2, "")]


def test_two_workers_at_once_and_each_answer_is_sent_by_one(
    engine: Engine, server: MailServer, mail_box: MailBox
) -> None:
    for number in range(12):
        answered(engine, to=f"an{number}@example.vn")
    sent: list[int] = []
    barrier = threading.Barrier(3)

    def one() -> None:
        barrier.wait()
        sent.append(send(engine, server))

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(sent) == len(mail_box.mails) == 12
    assert len({to[0] for to, _mail in mail_box.mails}) == 12


def test_a_server_that_is_away_or_busy_is_tried_again_later(
    engine: Engine, server: MailServer, mail_box: MailBox
) -> None:
    claim = answered(engine)
    away = MailServer("127.0.0.1", 1, tls=False, sender=FROM)
    assert send(engine, away) == 0
    assert 50 < waits_until(engine) <= 60
    make_due(engine)
    mail_box.answer = always("451 come back later")
    assert send(engine, server) == 0
    assert 110 < waits_until(engine) <= 120
    assert [row[:2] for row in rows(engine)] == [("waiting", 2)]
    assert state(engine, claim) == "answered"
    make_due(engine, ", tries = 30")
    assert send(engine, server) == 0
    assert 3500 < waits_until(engine) <= 3600
    make_due(engine)
    mail_box.answer = always("250 OK")
    assert send(engine, server) == 1


def test_after_two_days_it_has_failed_and_the_claim_is_open_again(
    engine: Engine, server: MailServer, mail_box: MailBox
) -> None:
    claim = answered(engine)
    make_due(engine, ", made_at = now() - interval '49 h'")
    mail_box.answer = always("451 come back later")
    with capture_logs() as logged:
        assert send(engine, server) == 0
    assert [row[0] for row in rows(engine)] == ["failed"]
    assert state(engine, claim) == "reopened"
    assert AN not in str(logged)
    assert "ALARM" in logged[0]["event"]


@pytest.mark.parametrize(("mail", "problem"), [(True, "SMTPRecipientsRefused 550"), (False, "no mail server")])
def test_never_is_never(engine: Engine, server: MailServer, mail_box: MailBox, mail: bool, problem: str) -> None:
    claim = answered(engine)
    mail_box.answer = always(f"550 no such mailbox {AN}")
    assert send(engine, server if mail else None) == 0
    ((ended, _tries, why),) = rows(engine)
    assert ended == "failed"
    assert problem in why
    assert AN not in why
    assert state(engine, claim) == "reopened"
    make_due(engine)
    assert send(engine, server) == 0


def test_the_demo_shows_what_it_would_have_sent(engine: Engine, scratch: str) -> None:
    claim = answered(engine)
    assert send(engine, None, scratch, shown=True) == 1
    with redis.Redis.from_url(scratch) as client:
        (kept,) = client.lrange(DEMO, 0, -1)  # type: ignore[misc]
    assert AN in kept.decode()
    assert spelled(claim.reference) in kept.decode()


def test_a_demo_without_scratch_waits(engine: Engine) -> None:
    answered(engine)
    assert send(engine, None, NOWHERE, shown=True) == 0
    assert rows(engine)[0][0] == "waiting"
