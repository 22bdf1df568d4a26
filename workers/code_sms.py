"""Login codes by SMS: the text, and the call of the gateway."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from models.scratch import switches
from models.scratch.codes import code_of
from models.scratch.connection import AsyncScratchClient
from models.scratch.outbox import Message
from models.secrets import KeyRing
from models.sms import SmsGateway
from workers.delivery import LaterError, NeverError, Send

TIMEOUT_S = 8.0  # of a whole call, however slowly its answer drips in
MOST_TRIES = 4
"""A gateway that does not answer may have sent the message all the same, and each costs money."""
_TEXTS = {
    "vi": "{code} la ma dang nhap trang binh chon cua so {masked}, dung trong 5 phut. Day KHONG phai ma binh chon."
    " Khong dua ma cho ai, ke ca ban to chuc.",
    "en": "{code} logs {masked} in to the voting website, for 5 minutes. It is NOT a voting code."
    " Give it to nobody, not even to the organisers.",
}
"""One message of the GSM alphabet each (160 characters, 3GPP TS 23.038): with diacritics it would be three."""


def sms_text(message: Message, code: str) -> str:
    masked = f"0{message.to[3]}*****{message.to[-3:]}"
    return _TEXTS[message.language].format(code=code, masked=masked)


@asynccontextmanager
async def sms_sender(scratch: AsyncScratchClient, gateway: SmsGateway, keys: KeyRing) -> AsyncIterator[Send]:
    """Sends over connections that it keeps. The switch is looked at before each message."""
    async with httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False) as client:

        async def send(message: Message) -> None:
            if not await switches.is_on(scratch, "sms"):
                raise NeverError("SMS are switched off")
            if message.tries > MOST_TRIES:
                raise NeverError("tried often enough")
            await _call(client, gateway, message.to, sms_text(message, code_of(keys, message.nonce)))

        yield send


async def _call(client: httpx.AsyncClient, gateway: SmsGateway, to: str, text: str) -> None:
    """Errors: LaterError for what may go well another time (no answer, 429, 5xx, an account without money); NeverError
    for every other refusal, as a repeat would be refused again.
    """
    url, headers, body = gateway.call(to, text)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            answer = await client.request("GET" if body is None else "POST", url, headers=headers, content=body)
    except (httpx.HTTPError, TimeoutError) as error:
        raise LaterError(type(error).__name__) from None
    if answer.status_code == httpx.codes.TOO_MANY_REQUESTS or answer.is_server_error:
        raise LaterError(f"HTTP {answer.status_code}")
    if not answer.is_success:
        raise NeverError(f"HTTP {answer.status_code}")
    if gateway.accepted not in answer.text:
        raise LaterError("the answer lacks SMS_ACCEPTED")
