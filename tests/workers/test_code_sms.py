"""Sending login codes by SMS: a real outbox, a real HTTP server as the gateway."""

import asyncio
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
import redis
from pydantic import SecretStr
from structlog.testing import capture_logs

from models.channels import Channels
from models.identity import normalise
from models.scratch import codes, outbox, switches
from models.scratch.codes import Asking, Budgets
from models.scratch.connection import async_scratch, scratch_client
from models.scratch.outbox import Message
from models.sms import SmsGateway, parse_sms_gateway
from scripts.sms import run
from tests.api.running import settings_for
from tests.sms_gateway import Gateway
from tests.workers.contests import KEYS
from workers import code_sms
from workers.code_sms import MOST_TRIES, sms_text
from workers.codes import send_slice

AN = "+84912345678"
GSM = re.compile(r"[A-Za-z0-9 .,:*@!?'()/-]*")


@pytest.fixture
def server() -> Iterator[Gateway]:
    made = Gateway()
    yield made
    made.stop()


@pytest.fixture
def gateway(server: Gateway) -> SmsGateway:
    return parse_sms_gateway(
        f"{server.url}/send?n={{to_0}}", '{"Authorization": "Bearer s3cret"}', '{"to": "{to}", "text": "{text}"}'
    )


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with capture_logs() as lines:
        yield lines


def put(url: str, *numbers: str, language: str = "vi", sms: int = 100) -> list[Asking]:
    async def run() -> list[Asking]:
        async with async_scratch(url) as client:
            budgets = Budgets(unproven=0, sms=sms)
            return [
                (
                    await codes.issue(
                        client,
                        KEYS,
                        normalise("sms", number),
                        proof=number,
                        budgets=budgets,
                        contest="Thi",
                        language=language,
                        now=time.time(),
                    )
                ).outcome
                for number in numbers
            ]

    return asyncio.run(run())


def send(url: str, gateway: SmsGateway | None, until: Callable[[], object], *, mail: Any = None) -> int:
    channels = Channels(mail, gateway, shown=False)
    return asyncio.run(send_slice(url, KEYS, channels, connections=4, seconds=5.0, stopping=lambda: bool(until())))


def waiting(url: str) -> int:
    with redis.Redis.from_url(url) as client:
        return int(client.zcard(outbox.DUE))


def make_due(url: str) -> None:
    """As if the time of the next try had come."""
    with redis.Redis.from_url(url) as client:
        for message in client.zrange(outbox.DUE, 0, -1):
            client.zadd(outbox.DUE, {message: 0})


def is_put_back(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        found: Any = client.zrange(outbox.DUE, 0, 0, withscores=True)
        return bool(found) and 0 < found[0][1] / 1000 < time.time() + outbox.LEASE_S / 2


def troubled(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        return bool(client.exists(outbox.TROUBLE + "sms"))


def test_a_code_goes_out_as_the_gateway_wants_it(scratch: str, server: Gateway, gateway: SmsGateway) -> None:
    assert put(scratch, "0912 345 678") == [Asking.SENT]
    assert send(scratch, gateway, lambda: not waiting(scratch)) == 1
    [asked] = server.asked
    assert (asked.method, asked.path) == ("POST", "/send?n=0912345678")
    assert (asked.headers["authorization"], asked.headers["content-type"]) == ("Bearer s3cret", "application/json")
    body = json.loads(asked.body)
    assert body["to"] == AN
    found = re.match(r"(\d{6}) la ma dang nhap", body["text"])
    assert found

    async def right() -> bool:
        async with async_scratch(scratch) as client:
            return await codes.check(client, KEYS, normalise("sms", AN), found[1])

    assert asyncio.run(right())


@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_text_is_one_message_that_says_whom_it_is_for_and_what_it_is_not(language: str) -> None:
    text = sms_text(Message("1", "sms", AN, "n", "Cuộc thi " * 40, 1, language), "123456")
    assert len(text) <= 160
    assert GSM.fullmatch(text), "diacritics would make it three"
    assert "123456" in text
    assert "09*****678" in text
    assert {"vi": "KHONG phai ma binh chon", "en": "NOT a voting code"}[language] in text


@pytest.mark.parametrize("answer", [500, 503, 429, None])
def test_what_may_go_well_another_time_is_tried_again(
    scratch: str, server: Gateway, gateway: SmsGateway, logged: list[Any], answer: int | None
) -> None:
    server.answer = lambda _asked: answer
    put(scratch, AN)
    assert send(scratch, gateway, lambda: is_put_back(scratch) and troubled(scratch)) == 0
    assert [line["event"] for line in logged] == ["a login code waits"]
    server.answer = lambda _asked: 202
    make_due(scratch)
    assert send(scratch, gateway, lambda: not waiting(scratch) and not troubled(scratch)) == 1
    texts = {json.loads(asked.body)["text"] for asked in server.asked}
    assert (len(server.asked), len(texts)) == (2, 1), "the same code"
    assert "345678" not in str(logged), "a log keeps no number"
    assert "s3cret" not in str(logged)


@pytest.mark.parametrize("answer", [400, 401, 403, 404, 302])
def test_every_other_refusal_is_for_good(
    scratch: str, server: Gateway, gateway: SmsGateway, logged: list[Any], answer: int
) -> None:
    server.answer = lambda _asked: answer
    put(scratch, AN)
    assert send(scratch, gateway, lambda: not waiting(scratch)) == 0
    assert len(server.asked) == 1
    assert [line["problem"] for line in logged] == [f"HTTP {answer}"]


def test_a_gateway_that_says_200_to_what_it_did_not_take_is_seen_through(
    scratch: str, server: Gateway, gateway: SmsGateway
) -> None:
    gateway = replace(gateway, accepted='"CodeResult":"100"')
    server.says = b'{"CodeResult":"103"}'
    put(scratch, AN)
    assert send(scratch, gateway, lambda: is_put_back(scratch) and troubled(scratch)) == 0
    server.says = b'{"CodeResult":"100"}'
    make_due(scratch)
    assert send(scratch, gateway, lambda: not waiting(scratch)) == 1


def test_a_gateway_that_is_down_is_no_end(scratch: str, server: Gateway, gateway: SmsGateway) -> None:
    server.stop()
    put(scratch, AN)
    assert send(scratch, gateway, lambda: is_put_back(scratch)) == 0
    assert troubled(scratch)


def test_a_gateway_whose_answer_drips_in_keeps_no_message_beyond_its_lease(
    scratch: str, server: Gateway, gateway: SmsGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_sms, "TIMEOUT_S", 0.5)
    server.says, server.drips = b"x" * 60, 0.1
    put(scratch, AN)
    assert send(scratch, gateway, lambda: is_put_back(scratch) and troubled(scratch)) == 0
    assert len(server.asked) == 1


def test_a_gateway_that_never_answers_well_is_not_paid_for_ever(
    scratch: str, server: Gateway, gateway: SmsGateway
) -> None:
    server.answer = lambda _asked: 500
    put(scratch, AN)
    for _ in range(MOST_TRIES):
        make_due(scratch)
        send(scratch, gateway, lambda: is_put_back(scratch))
    make_due(scratch)
    send(scratch, gateway, lambda: not waiting(scratch))
    assert len(server.asked) == MOST_TRIES


def test_the_hours_budget_is_everybodys(scratch: str) -> None:
    numbers = [f"091234567{n}" for n in range(5)]
    assert put(scratch, *numbers, sms=3) == [Asking.SENT] * 3 + [Asking.SPENT] * 2
    assert waiting(scratch) == 3


def test_switched_off_nothing_is_asked_for_and_nothing_goes_out(
    scratch: str, server: Gateway, gateway: SmsGateway, logged: list[Any]
) -> None:
    put(scratch, AN)
    with closing(scratch_client(scratch)) as client:
        switches.throw(client, "sms", on=False)
        assert put(scratch, "0912345679") == [Asking.OFF]
        assert send(scratch, gateway, lambda: not waiting(scratch)) == 0
        assert server.asked == []
        assert [line["problem"] for line in logged] == ["SMS are switched off"]
        switches.throw(client, "sms", on=True)
    assert put(scratch, "0912345679") == [Asking.SENT]


def test_a_kind_that_the_settings_no_longer_have_holds_up_nobody(scratch: str, logged: list[Any]) -> None:
    put(scratch, AN)
    assert send(scratch, None, lambda: not waiting(scratch)) == 0
    assert [line["event"] for line in logged] == ["a login code was refused for good"]


def test_the_command_throws_the_switch_and_says_how_it_stands(scratch: str, capsys: Any) -> None:
    without = settings_for("unix:///none.sock", scratch_url=SecretStr(scratch))
    assert run(without, on=None) == 0
    assert capsys.readouterr().out == "SMS are switched on; there is no gateway in the settings (SMS_URL)\n"
    having = without.model_copy(update={"sms_url": SecretStr("https://sms.example.vn/?to={to}&text={text}")})
    for on, said in ((False, "off"), (None, "off"), (True, "on"), (None, "on")):
        assert run(having, on=on) == 0
        assert capsys.readouterr().out == f"SMS are switched {said}\n"
