"""The look-up of a receipt as a page, against a real ledger."""

import time

import pytest
from pydantic import SecretStr

from tests.api.ledger import flushed
from tests.api.running import new_account, token_for


@pytest.fixture
def api(start_api, open_box, database, ledger):
    running = start_api(open_box, database_url=SecretStr(database))
    running.wait_ready()
    return running


def test_received_then_in_the_ledger_then_voided_with_the_reason(api, ledger, open_box):
    account = new_account()
    receipt = api.vote(1, token_for(account, time.time())).json()["receipt"]

    def look_up(code):
        page = api.client.get("/tra-cuu", params={"ma": code})
        assert page.status_code == 200
        assert page.headers["cache-control"] == "no-store"
        return page.text

    assert "Đã nhận" in look_up(receipt)
    assert "Đã vào sổ phiếu" not in look_up(receipt)
    flushed(ledger, account, receipt, open_box)
    ways = [receipt, receipt.lower(), f" {receipt.replace('-', ' ')}\t", receipt.replace("-", "\u2013"), f"({receipt})"]
    ways.append("".join(chr(ord(letter) + 0xFEE0) for letter in receipt))  # the full-width letters of some keyboards
    for code in ways:
        page = look_up(code)
        assert "Đã vào sổ phiếu" in page
        assert "/bai-du-thi/bai-1" in page
    ledger.execute("UPDATE votes SET voided_at = now(), void_reason = 'mua phiếu <b>' WHERE account_id = %s", [account])
    page = look_up(receipt)
    assert "Phiếu đã bị loại" in page
    assert "Lý do: mua phiếu &lt;b&gt;" in page
    assert "Đã vào sổ phiếu" not in page
