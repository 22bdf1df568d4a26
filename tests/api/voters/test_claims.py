"""The form of a claim over real HTTP: what it takes, what it refuses, and that nothing typed is lost."""

import html
import re
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from api.voters.claims import _titles
from api.voters.view import Catalogue
from models.claim import Claim, parse_reference, unpack_claim
from models.database import worker_engine
from models.receipt import Receipts
from models.scratch import claims as scratch_claims
from models.scratch.connection import scratch_client
from models.settings import Settings
from tests.api.contest import CONTEST_ID, KEYS
from tests.api.running import RunningApi, new_account, settings_for, token_for
from tests.api.voters.logging_in import OWN
from tests.api.voters.markup import BROWSER, parsed
from workers.claims import store_claims

FORM = "/tro-giup/mat-phieu"
WORDS = "Tôi đã bấm Bình chọn\nnhưng không thấy phiếu"
EVIL = "\"></textarea><script>alert(1)</script>'&"
FIELDS = ("chuyen", "bai", "luc", "ma", "lien-he")


@pytest.fixture(scope="module")
def shared(open_box: str, scratch_url: str) -> Iterator[RunningApi]:
    running = RunningApi(settings_for(open_box, scratch_url=SecretStr(scratch_url)))
    running.wait_ready()
    yield running
    running.stop()


@pytest.fixture
def api(shared: RunningApi, scratch: str) -> RunningApi:
    """The ledger is away: no test here needs one."""
    return shared


def send(api: RunningApi, path: str = FORM, *, headers: dict[str, str] = OWN, **fields: str) -> httpx.Response:
    typed = {name.replace("_", "-"): value for name, value in ({"chuyen": WORDS} | fields).items()}
    return api.client.post(path, data=typed, headers=headers)


def kept(scratch: str) -> list[Claim]:
    with closing(scratch_client(scratch)) as client:
        return [unpack_claim(packed) for _number, packed in scratch_claims.read(client, 100)]


def shown(page: httpx.Response) -> dict[str, str]:
    """What stands in the fields of the page's form, as a browser reads it (HTML drops one line end in a textarea)."""
    found = {"chuyen": re.search(r"<textarea [^>]*>\n?(.*?)</textarea>", page.text, re.DOTALL)}
    for name in FIELDS[1:]:
        found[name] = re.search(rf'<input id="{name}" name="{name}" value="([^"]*)"', page.text)
    return {name: html.unescape(match[1]) for name, match in found.items() if match}


def receipt_of(account: int, entry: int) -> tuple[int, str]:
    receipts = Receipts(KEYS, CONTEST_ID)
    number = receipts.number(account, entry)
    return number, receipts.code(number)


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_a_claim_is_taken_and_its_reference_shown(api: RunningApi, scratch: str, prefix: str) -> None:
    page = api.client.get(prefix + FORM, headers=BROWSER)
    assert page.status_code == 200
    assert page.headers["cache-control"] == "no-store"
    parsed(page)
    number, code = receipt_of(new_account(), 3)
    answer = send(
        api,
        prefix + FORM,
        bai="bài 3 <SCRIPT>",
        luc="tối qua",
        ma=code.lower().replace("-", " "),
        lien_he="an@example.vn",
    )
    assert answer.status_code == 303
    assert answer.headers["cache-control"] == "no-store"
    [claim] = kept(scratch)
    assert answer.headers["location"].startswith(f"{prefix}{FORM}/da-nhan?bao=")
    success = api.client.get(answer.headers["location"], headers=BROWSER)
    assert success.status_code == 200
    found = re.search(r'class="receipt">([^<]+)<', success.text)
    assert found
    assert parse_reference(found[1]) == claim.reference
    assert "0208 0000000" in success.text
    other = "/en" if not prefix else ""
    assert f"{other}{FORM}/da-nhan?bao={found[1]}" in parsed(success).addresses, "the same page in the other language"
    assert abs(claim.received_at - time.time() * 1000) < 60_000
    assert claim == Claim(
        CONTEST_ID,
        claim.received_at,
        prefix.strip("/") or "vi",
        WORDS,
        entry_id=3,
        entry="bài 3 <SCRIPT>",
        moment="tối qua",
        receipt=number,
        contact="an@example.vn",
        id=claim.id,
        reference=claim.reference,
    )


def test_who_is_logged_in_is_named_by_the_account_and_nobody_else(api: RunningApi, scratch: str) -> None:
    account = new_account()
    cookie = {"Cookie": f"session={token_for(account, time.time())}"}
    assert send(api, headers=OWN | cookie).status_code == 303
    assert send(api, headers=OWN | {"Cookie": "session=forged"}).status_code == 303
    over = token_for(account, time.time(), expires_at=int(time.time()) - 1)
    assert send(api, headers=OWN | {"Cookie": f"session={over}"}, luc="lúc khác").status_code == 303
    assert [claim.account_id for claim in kept(scratch)] == [account, None, None]


@pytest.mark.parametrize(
    ("typed", "entry"),
    [
        ("BAI 2 <script>", 2),
        ("https://binhchon.example.vn/bai-du-thi/bai-4?x=1#y", 4),
        ("/en/bai-du-thi/bai-4/", 4),
        ("/bai-du-thi/khong-co", None),
        ("bài nào đó", None),
        ("", None),
    ],
)
def test_the_entry_is_found_by_title_or_address_and_else_kept_as_typed(
    api: RunningApi, scratch: str, typed: str, entry: int | None
) -> None:
    assert send(api, bai=typed).status_code == 303
    assert [(claim.entry_id, claim.entry) for claim in kept(scratch)] == [(entry, typed)]


def test_a_mistyped_receipt_is_told_at_once_and_nothing_typed_is_lost(api: RunningApi, scratch: str) -> None:
    _number, code = receipt_of(new_account(), 1)
    wrong = code[:-1] + ("0" if code[-1] != "0" else "1")
    typed = {"chuyen": "\nhai dòng\ntrống", "bai": "Bài 1", "luc": "hôm qua", "ma": wrong, "lien_he": "0900"}
    page = send(api, **typed)
    assert page.status_code == 422
    assert page.headers["cache-control"] == "no-store"
    assert "Mã phiếu này không đúng" in page.text
    assert '<a href="#ma">' in page.text, "a summary that leads to the field"
    assert re.search(r'id="ma" [^>]*aria-describedby="ma-cach ma-loi" aria-invalid="true"', page.text)
    assert "<title>Lỗi:" in page.text
    assert shown(page) == {
        "chuyen": "\nhai dòng\ntrống",
        "bai": "Bài 1",
        "luc": "hôm qua",
        "ma": wrong,
        "lien-he": "0900",
    }
    parsed(page)
    assert kept(scratch) == []
    assert send(api, **(typed | {"ma": code})).status_code == 303


@pytest.mark.parametrize("nothing", ["", "  \r\n\t ", "\0\x07"])
def test_something_must_have_happened(api: RunningApi, scratch: str, nothing: str) -> None:
    page = send(api, chuyen=nothing, lien_he="an@example.vn")
    assert page.status_code == 422
    assert '<a href="#chuyen">' in page.text
    assert shown(page)["lien-he"] == "an@example.vn"
    assert kept(scratch) == []


@pytest.mark.parametrize(
    ("name", "most"), [("chuyen", 2000), ("bai", 300), ("luc", 100), ("ma", 100), ("lien-he", 254)]
)
def test_what_is_too_long_comes_back_whole(api: RunningApi, scratch: str, name: str, most: int) -> None:
    page = send(api, **{name: "ệ" * (most + 1)})
    assert page.status_code == 422
    assert f'<a href="#{name}">' in page.text
    assert shown(page)[name] == "ệ" * (most + 1)
    assert kept(scratch) == []
    if name != "ma":
        assert send(api, **{name: "😀\r\n"[: 3 if name == "chuyen" else 1] + "ệ" * (most - 2)}).status_code == 303
        assert len(kept(scratch)) == 1


def test_what_no_form_of_ours_sends(api: RunningApi, scratch: str) -> None:
    for body, status in ((b"chuyen=" + b"a" * 70_000, 413), (b"a=1&" * 50, 400), (b"", 422), (b"\xff\xfe=1", 422)):
        page = api.client.post(FORM, content=body, headers=OWN)
        assert page.status_code == status
        assert "<form" in page.text
        parsed(page)
    assert kept(scratch) == []


def test_nul_control_letters_and_wrong_bytes_do_no_harm(api: RunningApi, scratch: str) -> None:
    body = b"chuyen=a%00b%07c%0D%0Ad%FFe%ED%A0%80f%CC%81&lien-he=\xff%C2%85x"
    answer = api.client.post(FORM, content=body, headers=OWN)
    assert answer.status_code == 303
    [claim] = kept(scratch)
    assert claim.happened.startswith("abc\nd\ufffde")
    assert "\0" not in claim.happened
    assert claim.contact == "\ufffdx"


def test_a_text_cannot_be_turned_around_for_who_reads_it(api: RunningApi, scratch: str) -> None:
    """`nv\u202emoc.liam` reads `nvmail.com` on a page."""
    typed = {"chuyen": "a\u2028b\u2066c", "lien-he": "an@nv\u202emoc.liam"}
    assert api.client.post(FORM, data=typed, headers=OWN).status_code == 303
    [claim] = kept(scratch)
    assert (claim.happened, claim.contact) == ("abc", "an@nvmoc.liam")


def test_html_in_every_field_is_shown_and_not_run(api: RunningApi, scratch: str) -> None:
    page = send(api, chuyen=EVIL, bai=EVIL, luc=EVIL, ma=EVIL, lien_he=EVIL)
    assert page.status_code == 422
    assert "<script>" not in page.text
    assert shown(page) == dict.fromkeys(FIELDS, EVIL)
    parsed(page)
    for address in (FORM, f"{FORM}/da-nhan"):
        found = api.client.get(address, params={"bai": EVIL, "ma": EVIL, "bao": EVIL}, follow_redirects=True)
        assert found.status_code == 200
        assert "<script>" not in found.text


def test_a_link_may_say_what_it_is_about(api: RunningApi) -> None:
    found = shown(api.client.get(FORM, params={"bai": "bai-2", "ma": "7F3K-92QD"}))
    assert (found["bai"], found["ma"]) == ("Bài 2 <script>", "7F3K-92QD")
    assert len(shown(api.client.get(FORM, params={"bai": "x" * 5000}))["bai"]) == 300


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
def test_a_form_of_another_website_does_nothing(api: RunningApi, scratch: str, headers: dict[str, str]) -> None:
    cookie = {"Cookie": f"session={token_for(new_account(), time.time())}"}
    page = send(api, headers=headers | cookie)
    assert page.status_code == 403
    assert kept(scratch) == []
    assert send(api, headers={"Origin": api.url}).status_code == 303, "an old browser's own form"


def test_sent_twice_is_one_claim_with_one_reference(api: RunningApi, scratch: str) -> None:
    answers = [send(api), send(api)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert len(kept(scratch)) == 1
    api.client.headers["user-agent"] = "another telephone"
    try:
        other = send(api)
    finally:
        api.client.headers["user-agent"] = "python-httpx"
    assert other.headers["location"] != answers[0].headers["location"], "the same few words of another guest"
    assert len(kept(scratch)) == 2


def test_limits_are_said_with_the_help_line_and_nothing_typed_is_lost(
    start_api: Any, open_box: str, scratch: str
) -> None:
    api = start_api(open_box, scratch_url=SecretStr(scratch), claims_per_hour=7)
    api.wait_ready()
    cookie = {"Cookie": f"session={token_for(new_account(), time.time())}"}
    mine = [send(api, headers=OWN | cookie, luc=str(n)) for n in range(6)]
    assert [page.status_code for page in mine] == [303] * 5 + [429]
    assert "đủ số lần báo mất phiếu của một ngày" in mine[5].text
    assert "0208 0000000" in mine[5].text
    assert shown(mine[5])["chuyen"] == WORDS
    assert 86_000 < int(mine[5].headers["retry-after"]) <= 86_400
    guests = [send(api, luc=str(n)) for n in range(8)]
    assert [page.status_code for page in guests] == [303] * 7 + [429]
    assert "quá nhiều người báo mất phiếu" in guests[7].text
    assert 3500 < int(guests[7].headers["retry-after"]) <= 3600
    parsed(guests[7])
    other = {"Cookie": f"session={token_for(new_account(), time.time())}"}
    assert send(api, headers=OWN | other).status_code == 303, "guests do not use up what accounts have"


def test_with_scratch_away_the_page_says_so_and_loses_nothing(start_api: Any, open_box: str) -> None:
    api = start_api(open_box)
    api.wait_ready()
    page = send(api, bai="Bài 1", lien_he="an@example.vn")
    assert page.status_code == 503
    assert int(page.headers["retry-after"]) >= 1
    assert "Chưa nhận được báo" in page.text
    assert shown(page) == {"chuyen": WORDS, "bai": "Bài 1", "luc": "", "ma": "", "lien-he": "an@example.vn"}
    parsed(page)


def test_before_the_box_was_ever_read_nothing_is_lost_either(start_api: Any, scratch: str) -> None:
    api = start_api("unix:///nonexistent/box.sock", scratch_url=SecretStr(scratch))
    assert api.client.get(FORM, headers=BROWSER).status_code == 503
    page = send(api)
    assert page.status_code == 503
    assert shown(page)["chuyen"] == WORDS
    assert kept(scratch) == []


def test_without_a_contest_the_form_says_so(start_api: Any, valkey_factory: Any, scratch: str) -> None:
    api = start_api(valkey_factory("box").url, scratch_url=SecretStr(scratch))
    api.wait_ready()
    page = api.client.get(FORM, headers=BROWSER)
    assert "Hiện chưa có cuộc thi nào" in page.text


def test_a_claim_of_a_voter_reaches_the_ledger(api: RunningApi, scratch: str, database: str) -> None:
    answer = send(api, lien_he="an@example.vn")
    engine = worker_engine(database)
    with closing(scratch_client(scratch)) as client:
        assert store_claims(engine, client, stopping=lambda: False) == 1
    with engine.connect() as connection:
        [row] = connection.exec_driver_sql("SELECT reference, happened, contact FROM claims").all()
    assert parse_reference(answer.headers["location"].rpartition("=")[2]) == row.reference
    assert (row.happened, row.contact) == (WORDS, "an@example.vn")


def test_claims_are_counted_by_outcome(api: RunningApi) -> None:
    def counted() -> dict[str, float]:
        text = api.client.get("/metrics").text
        return {
            name: float(number) for name, number in re.findall(r'binhchon_claims_total\{outcome="(\w+)"\} (\S+)', text)
        }

    before = counted()
    send(api)
    send(api)
    send(api, chuyen="")
    send(api, headers={})
    after = counted()
    found = {name: after[name] - before.get(name, 0) for name in ("received", "repeated", "invalid", "cross_site")}
    assert found == {"received": 1, "repeated": 1, "invalid": 1, "cross_site": 1}


def test_the_budget_is_a_setting() -> None:
    assert Settings().claims_per_hour == 600


def test_a_title_that_two_entries_have_names_neither() -> None:
    entries = [
        {"id": 1, "slug": "a", "title": "Chè xanh", "title_en": "Tea"},
        {"id": 2, "slug": "b", "title": "Che  Xanh", "title_en": ""},
        {"id": 3, "slug": "c", "title": "Thép", "title_en": ""},
    ]
    found = _titles(Catalogue({"contest": {}, "categories": [], "entries": entries}))
    assert found == {"tea": 1, "thep": 3}
