"""Sending login codes: a real outbox, a real SMTP server."""

import asyncio
import re
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from email.message import EmailMessage
from functools import partial
from typing import Any

import pytest
import redis
from aiosmtpd.controller import Controller
from rq import Queue
from rq.serializers import JSONSerializer
from structlog.testing import capture_logs

from models.channels import Channels
from models.identity import Identity, normalise
from models.jobs import CODES, SEND_CODES, enqueue
from models.mail import MailServer
from models.scratch import codes, outbox
from models.scratch.codes import Asking, Budgets, code_of
from models.scratch.connection import AsyncScratchClient, async_scratch, scratch_client
from models.settings import settings
from tests.servers import wait_for
from tests.workers.contests import KEYS
from tests.workers.mail_box import HeldBox, MailBox
from workers.codes import send_slice
from workers.stopping import stopping
from workers.worker import ClosedListWorker

AN = "an@example.vn"
FROM = "binhchon@example.vn"
TITLE = "Cuộc thi\r\nBcc: thử"


@pytest.fixture
def mail_box() -> MailBox:
    return MailBox()


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number: int = listening.getsockname()[1]
        return number


@pytest.fixture
def start_mail(mail_box: MailBox, port: int) -> Iterator[Callable[[], None]]:
    made: list[Controller] = []

    def start() -> None:
        made.append(Controller(mail_box, hostname="127.0.0.1", port=port))
        made[-1].start()

    yield start
    for controller in made:
        controller.stop(no_assert=True)


@pytest.fixture
def server(port: int) -> MailServer:
    return MailServer("127.0.0.1", port, tls=False, sender=FROM)


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with capture_logs() as lines:
        yield lines


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[AsyncScratchClient]:
    async with async_scratch(url) as client:
        yield client


def put(url: str, *addresses: str, contest: str = TITLE, language: str = "vi") -> None:
    async def run() -> None:
        async with connected(url) as client:
            for number, address in enumerate(addresses):
                identity = normalise("email", address)
                asked = await codes.issue(
                    client,
                    KEYS,
                    identity,
                    proof=f"{address}{number}",
                    budgets=Budgets(unproven=0, sms=100),
                    contest=contest,
                    language=language,
                    now=time.time(),
                )
                assert asked.outcome is Asking.SENT

    asyncio.run(run())


def is_right(url: str, address: str, code: str) -> bool:
    async def run() -> bool:
        async with connected(url) as client:
            return await codes.check(client, KEYS, normalise("email", address), code)

    return asyncio.run(run())


def send(
    url: str,
    server: MailServer | None,
    *,
    connections: int = 4,
    seconds: float = 5.0,
    until: Callable[[], object] = lambda: False,
) -> int:
    """Sends until `until()`, for `seconds` at most. `server` None: the demo's outbox."""
    channels = Channels(server, None, shown=server is None)
    return asyncio.run(
        send_slice(url, KEYS, channels, connections=connections, seconds=seconds, stopping=lambda: bool(until()))
    )


def waiting(url: str) -> int:
    with redis.Redis.from_url(url) as client:
        return int(client.zcard(outbox.DUE)) + len(client.keys(outbox.MESSAGE + "*"))


def text_of(mail: EmailMessage) -> str:
    content: str = mail.get_content()
    return content.replace("\r\n", "\n")


def test_a_mail_says_whom_it_is_for_and_what_it_is_not(
    scratch: str, start_mail: Callable[[], None], server: MailServer, mail_box: MailBox
) -> None:
    start_mail()
    put(scratch, "A.n+x@Gmail.com")
    assert send(scratch, server, until=lambda: mail_box.mails and not waiting(scratch)) == 1
    [(recipients, mail)] = mail_box.mails
    assert recipients == ["an@gmail.com"], "the normalised address"
    assert (mail["To"], mail["From"], mail["Auto-Submitted"]) == ("an@gmail.com", FROM, "auto-generated")
    assert mail["Bcc"] is None
    text = text_of(mail)
    found = re.search(r"Mã đăng nhập của a•••@gmail\.com: (\d{6})\n", text)
    assert found
    assert "KHÔNG phải là “mã bình chọn”" in text
    assert "Cuộc thi Bcc: thử" in text
    assert is_right(scratch, "an@gmail.com", found[1])
    assert waiting(scratch) == 0


def test_a_mail_is_in_the_language_of_the_page(
    scratch: str, start_mail: Callable[[], None], server: MailServer, mail_box: MailBox
) -> None:
    start_mail()
    put(scratch, AN, language="en")
    assert send(scratch, server, until=lambda: mail_box.mails and not waiting(scratch)) == 1
    [(_, mail)] = mail_box.mails
    assert mail["Subject"] == "Your login code for the voting website"
    found = re.search(r"Login code of a•••@example\.vn: (\d{6})\n", text_of(mail))
    assert found
    assert is_right(scratch, AN, found[1])
    assert "NOT a “voting code”" in text_of(mail)


def test_many_codes_share_a_few_connections_and_each_is_sent_once(
    scratch: str, start_mail: Callable[[], None], server: MailServer, mail_box: MailBox
) -> None:
    start_mail()
    addresses = [f"nguoi{n}@example.vn" for n in range(60)]
    put(scratch, *addresses)
    threads = [
        threading.Thread(target=send, args=(scratch, server), kwargs={"until": lambda: not waiting(scratch)})
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(recipients[0] for recipients, _ in mail_box.mails) == sorted(addresses)


@contextmanager
def sending(url: str, server: MailServer, connections: int) -> Iterator[None]:
    """A slice of sending that goes on until the end of the block."""
    over = threading.Event()
    kwargs = {"connections": connections, "seconds": 60, "until": over.is_set}
    thread = threading.Thread(target=send, args=(url, server), kwargs=kwargs)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class TestConnections:
    """How many a slice opens, and which it uses."""

    @pytest.fixture
    def mail_box(self) -> HeldBox:
        return HeldBox()

    def test_so_many_are_used_at_once_and_each_code_is_sent_once(
        self, scratch: str, start_mail: Callable[[], None], server: MailServer, mail_box: HeldBox
    ) -> None:
        mail_box.held = True
        start_mail()
        addresses = [f"nguoi{n}@example.vn" for n in range(40)]
        put(scratch, *addresses)
        with sending(scratch, server, 10):
            wait_for(lambda: mail_box.inside == 10, 5.0)
            mail_box.let_go()
            wait_for(lambda: not waiting(scratch), 5.0)
        assert sorted(recipients[0] for recipients, _ in mail_box.mails) == sorted(addresses)
        assert len(mail_box.peers) == 10

    def test_nothing_is_handed_out_before_a_connection_is_free_for_it(
        self, scratch: str, start_mail: Callable[[], None], server: MailServer, mail_box: HeldBox
    ) -> None:
        """Else a slow server would have the lease of those that wait run out, and another worker send them too."""
        mail_box.held = True
        start_mail()
        put(scratch, *(f"nguoi{n}@example.vn" for n in range(7)))
        with sending(scratch, server, 2):
            wait_for(lambda: mail_box.inside == 2, 5.0)
            others = _claim(scratch, time.time())
            assert [message.tries for message in others] == [1] * 5
            mail_box.let_go()
            wait_for(lambda: len(_due_later(scratch)) == 5, 5.0)
        assert sorted(to for [to], _ in mail_box.mails) == sorted(
            {f"nguoi{n}@example.vn" for n in range(7)} - {message.to for message in others}
        )

    def test_a_few_codes_open_one_connection(
        self, scratch: str, start_mail: Callable[[], None], server: MailServer, mail_box: HeldBox
    ) -> None:
        start_mail()
        with sending(scratch, server, 8):
            for number in range(3):
                put(scratch, f"nguoi{number}@example.vn")
                wait_for(lambda: not waiting(scratch), 5.0)
        assert (len(mail_box.mails), len(mail_box.peers)) == (3, 1)

    def test_a_server_that_does_not_part_holds_up_the_next_slice_once_and_not_for_each(
        self, scratch: str, start_mail: Callable[[], None], server: MailServer, mail_box: HeldBox
    ) -> None:
        mail_box.held = mail_box.stays = True
        start_mail()
        put(scratch, *(f"nguoi{n}@example.vn" for n in range(8)))
        with sending(scratch, server, 8):
            wait_for(lambda: mail_box.inside == 8, 5.0)
            mail_box.let_go()
            wait_for(lambda: not waiting(scratch), 5.0)
            began = time.monotonic()
        assert time.monotonic() - began < 4.0, "each is waited for one second"

    def test_a_server_that_admits_fewer_is_sent_everything_over_those(
        self, scratch: str, start_mail: Callable[[], None], server: MailServer, mail_box: HeldBox
    ) -> None:
        mail_box.admitted = 2
        start_mail()
        addresses = [f"nguoi{n}@example.vn" for n in range(7)]
        put(scratch, *addresses[:4])
        with sending(scratch, server, 4):
            wait_for(lambda: len(mail_box.mails) == 2 and len(mail_box.peers) == 4 and waiting(scratch) == 4, 5.0)
            mail_box.let_go()  # the other two are refused, after the first two were sent
            wait_for(lambda: len(_put_back(scratch)) == 2, 5.0)
            for number in range(4, 7):
                put(scratch, addresses[number])
                wait_for(partial(mail_box.has_taken, number - 1), 1.5)
            wait_for(lambda: not waiting(scratch), 5.0)
        assert mail_box.refused == 2
        assert sorted(recipients[0] for recipients, _ in mail_box.mails) == addresses


def test_a_mail_server_that_is_down_gets_its_mail_when_it_is_back(
    scratch: str, start_mail: Callable[[], None], server: MailServer, mail_box: MailBox, logged: list[Any]
) -> None:
    put(scratch, AN)
    began = time.time()
    assert send(scratch, server, until=lambda: _due(scratch) > began and _troubled(scratch)) == 0
    assert began + 1.5 < _due(scratch) < time.time() + 2.5, "tried again after two seconds"
    assert [line["event"] for line in logged] == ["a login code waits"]
    assert AN not in str(logged), "a log keeps no address"
    assert _troubled(scratch)
    start_mail()
    assert send(scratch, server, until=lambda: not waiting(scratch) and not _troubled(scratch)) == 1
    assert len(mail_box.mails) == 1
    assert not _troubled(scratch)


def test_later_is_tried_again_later_and_never_is_given_up(
    scratch: str, start_mail: Callable[[], None], server: MailServer, mail_box: MailBox
) -> None:
    start_mail()
    mail_box.answer = {AN: "451 later", "binh@example.vn": "550 no such mailbox"}.__getitem__
    put(scratch, AN, "binh@example.vn")
    assert send(scratch, server, until=lambda: waiting(scratch) == 2 and _due(scratch) > time.time()) == 0
    [found] = _claim(scratch, time.time() + 60)
    assert (found.to, found.tries) == (AN, 2)
    assert mail_box.mails == []
    assert not _troubled(scratch), "one mailbox is not the mail server"


def test_a_message_of_which_no_mail_can_be_made_holds_up_nobody(
    scratch: str,
    start_mail: Callable[[], None],
    server: MailServer,
    mail_box: MailBox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start_mail()
    monkeypatch.setattr(f"{__name__}.normalise", Identity)  # as if such an address had been let in
    put(scratch, "=?utf-8?q??=@example.vn", "=?utf-8?q?a=0d=0abcc=3a_x?=@example.vn", AN)
    assert send(scratch, server, until=lambda: not waiting(scratch)) == 1
    assert [recipients for recipients, _ in mail_box.mails] == [[AN]]


def test_back_off_grows_and_ends_somewhere(scratch: str, server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    put(scratch, AN)
    delays = []
    for _ in range(7):
        with redis.Redis.from_url(scratch) as client:
            client.zadd(outbox.DUE, {client.zrange(outbox.DUE, 0, 0)[0]: 0})
        began = time.time()
        send(scratch, server, until=lambda: _due(scratch) > 0)
        delays.append(round(_due(scratch) - began))
    assert delays == [2, 4, 8, 16, 30, 30, 30]


def test_a_code_that_expired_unsent_is_an_alarm(scratch: str, server: MailServer, logged: list[Any]) -> None:
    put(scratch, AN)
    with redis.Redis.from_url(scratch) as client:
        client.delete(*client.keys(outbox.MESSAGE + "*"))
    send(scratch, server, until=lambda: not waiting(scratch))
    assert [(line["log_level"], line["codes"]) for line in logged] == [("error", 1)]


def test_a_sender_that_dies_leaves_its_messages_to_the_next(scratch: str) -> None:
    put(scratch, AN)
    now = time.time()
    assert [message.to for message in _claim(scratch, now)] == [AN]
    assert _claim(scratch, now + outbox.LEASE_S - 1) == []
    assert [message.tries for message in _claim(scratch, now + outbox.LEASE_S + 1)] == [2]


def test_a_demo_shows_what_it_would_have_sent(scratch: str) -> None:
    put(scratch, AN)
    assert send(scratch, None, until=lambda: not waiting(scratch)) == 1

    async def read() -> list[dict[str, Any]]:
        async with connected(scratch) as client:
            return await outbox.read_demo(client)

    [kept] = asyncio.run(read())
    assert kept["to"] == AN
    found = re.search(r": (\d{6})\n", kept["text"])
    assert found
    assert is_right(scratch, AN, found[1])
    with redis.Redis.from_url(scratch) as client:
        assert 0 < client.ttl(outbox.DEMO) <= outbox.DEMO_LIFE_S


def test_the_job_goes_through_its_queue(
    scratch: str, start_mail: Callable[[], None], port: int, mail_box: MailBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_mail()
    for name, value in {
        "DATABASE_URL": "postgresql+psycopg://nobody@/none?host=/nonexistent",
        "BALLOT_BOX_URL": "unix:///nonexistent.sock",
        "SCRATCH_URL": scratch,
        "IDENTITY_KEY": KEYS.identity_key,
        "SESSION_KEYS": KEYS.session_keys[0],
        "SMTP_URL": f"smtp://127.0.0.1:{port}",
        "MAIL_FROM": FROM,
    }.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    put(scratch, AN)
    try:
        with closing(scratch_client(scratch, timeout=None)) as client:
            for _ in range(3):
                enqueue(client, CODES, SEND_CODES, 1.0)
            assert Queue(CODES, connection=client, serializer=JSONSerializer).count == 1
            worker = ClosedListWorker([CODES], connection=client, serializer=JSONSerializer)
            worker.work(burst=True, logging_level="ERROR")
    finally:
        settings.cache_clear()
        stopping.clear()
    assert [recipients for recipients, _ in mail_box.mails] == [[AN]]


def test_a_slice_ends_when_the_worker_is_asked_to_stop(scratch: str) -> None:
    asked = threading.Event()
    thread = threading.Thread(target=send, args=(scratch, None), kwargs={"seconds": 60, "until": asked.is_set})
    thread.start()
    asked.set()
    wait_for(lambda: not thread.is_alive(), 2.0)


def _troubled(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        return bool(client.exists(outbox.TROUBLE + "email"))


def _due(url: str) -> float:
    """When the first message is due, seconds since 1970."""
    with redis.Redis.from_url(url) as client:
        found: Any = client.zrange(outbox.DUE, 0, 0, withscores=True)
        return float(found[0][1]) / 1000 if found else 0.0


def _due_later(url: str, least_s: float = 0.0) -> list[Any]:
    """What is due in more than `least_s` seconds."""
    with redis.Redis.from_url(url) as client:
        found: list[Any] = client.zrangebyscore(outbox.DUE, int((time.time() + least_s) * 1000), "+inf")
        return found


def _put_back(url: str) -> list[Any]:
    """What a connection failed with and is tried again: due later, and sooner than the lease of one under way."""
    later, leased = _due_later(url), _due_later(url, outbox.LEASE_S / 2)
    return [one for one in later if one not in leased]


def _claim(url: str, now: float) -> list[outbox.Message]:
    async def run() -> list[outbox.Message]:
        async with connected(url) as client:
            return (await outbox.hand_out(client, now, 20))[0]

    return asyncio.run(run())


def test_the_code_of_a_nonce_is_six_digits_and_its_installations() -> None:
    found = {code_of(KEYS, f"{number:032x}") for number in range(500)}
    assert len(found) > 490
    assert all(re.fullmatch(r"\d{6}", code) for code in found)
    other = KEYS.__class__("another identity key", KEYS.session_keys)
    assert code_of(KEYS, "1" * 32) != code_of(other, "1" * 32)
