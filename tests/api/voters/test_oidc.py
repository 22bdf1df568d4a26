"""Login with an OpenID provider that lies, breaks and dies; and with browsers that are somebody else's."""

import hashlib
import hmac
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest
import redis
from joserfc import jws, jwt
from joserfc.jwk import ECKey, RSAKey

from api.voters import oidc, oidc_client
from api.voters.oidc_flow import Flow, Flows
from models.agreement import agreed_to
from models.scratch import flows
from models.secrets import KeyRing
from tests.api.contest import KEYS
from tests.api.running import Logged, RunningApi, settings_for
from tests.api.voters.logging_in import OWN, TICKED
from tests.api.voters.oidc_hostile import SECRET, HostileProvider, begin, come_back
from tests.api.voters.oidc_real import leads_to
from tests.api.voters.test_login_pages import ELSEWHERE

HEADER = {"alg": "RS256", "kid": "one"}
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}, auto_kid=False)


@pytest.fixture(autouse=True)
def everything_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the log, also what comes within the second of the test before."""
    monkeypatch.setattr(oidc, "SAID_EVERY_S", 0.0)


@pytest.fixture(scope="module")
def made() -> Iterator[HostileProvider]:
    provider = HostileProvider()
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def served(open_box: str, scratch_url: str, made: HostileProvider) -> Iterator[RunningApi]:
    """With two providers: the one that tests change, and another name for it."""
    other = HostileProvider("khac")
    settings = settings_for(open_box, scratch_url=scratch_url, oidc_providers=(made.provider, other.provider))
    running = RunningApi(settings)
    running.wait_ready()
    yield running
    running.stop()
    other.stop()


@pytest.fixture
def hostile(made: HostileProvider) -> HostileProvider:
    made.reset()
    return made


@pytest.fixture
def api(served: RunningApi, hostile: HostileProvider, monkeypatch: pytest.MonkeyPatch) -> RunningApi:
    """Nothing that a test before found out about the provider is believed for long."""
    monkeypatch.setattr(oidc_client, "KEPT_S", 0.0)
    monkeypatch.setattr(oidc_client, "FAILED_S", 0.0)
    served.client.cookies.clear()
    return served


def refused(page: httpx.Response, status: int, words: str) -> None:
    """The login page, with a sentence, without a session, with the other way still offered."""
    assert page.status_code == status, page.text
    assert words in page.text
    assert "session=" not in page.headers.get("set-cookie", "")
    assert 'name="identity"' in page.text
    assert page.headers["cache-control"] == "no-store"


WRONG, AWAY, LOST = "trả lời không đúng quy cách", "không trả lời lúc này", "đã hết hạn, đã được dùng hoặc"


def test_the_provider_gets_what_it_needs_and_no_secret(api: RunningApi, hostile: HostileProvider) -> None:
    page = api.client.post("/login/oidc/thu", data=TICKED | {"next": "/the-le"}, headers=OWN)
    address = leads_to(page)
    asked = httpx.URL(address).params
    assert address.startswith(f"{hostile.issuer}/authorize?")
    assert asked["response_type"] == "code"
    assert asked["client_id"] == "binhchon"
    assert asked["redirect_uri"] == f"{api.url}/login/oidc/thu/callback"
    assert asked["scope"] == "openid email"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == len(asked["state"]) == len(asked["nonce"]) == 43
    assert SECRET not in page.text
    assert page.headers["cache-control"] == "no-store"
    cookie = page.headers["set-cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Lax", "Max-Age=600", "Path=/"))


def test_an_honest_login_ends_where_it_came_from(api: RunningApi, hostile: HostileProvider, logged: Logged) -> None:
    asked = begin(api, next="/bai-du-thi/bai-2")
    hostile.gives(hostile.sign(hostile.claims(asked["nonce"])))
    back = come_back(api, state=asked["state"], code="the code", iss=hostile.issuer)
    assert (back.status_code, back.headers["location"]) == (303, "/bai-du-thi/bai-2")
    assert api.vote(2, cookie_of_session(back)).status_code == 201
    [(_, form, authorization)] = [one for one in hostile.asked if one[0] == "/token"]
    assert form["code"] == "the code"
    assert form["redirect_uri"] == asked["redirect_uri"]
    assert challenge_of(form["code_verifier"]) == asked["code_challenge"]
    assert authorization.startswith("Basic ")
    assert logged.lines == []


def cookie_of_session(response: httpx.Response) -> str:
    [session] = [line for line in response.headers.get_list("set-cookie") if line.startswith("session=")]
    return session.split(";")[0].removeprefix("session=")


def challenge_of(verifier: str) -> str:
    return spelled(hashlib.sha256(verifier.encode()).digest())


CLAIMS: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://accounts.example"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "other"},
    "audiences without us": {"aud": ["other", "third"]},
    "another audience, azp ours": {"aud": "other", "azp": "binhchon"},
    "audiences without us, azp ours": {"aud": ["other", "third"], "azp": "binhchon"},
    "no audience": {"aud": None},
    "several audiences, no azp": {"aud": ["binhchon", "other"]},
    "made for another": {"aud": ["binhchon", "other"], "azp": "other"},
    "azp of another": {"azp": "other"},
    "expired": {"exp": int(time.time()) - 600},
    "never expires": {"exp": None},
    "expires in words": {"exp": "tomorrow"},
    "from the future": {"iat": int(time.time()) + 3600},
    "made never": {"iat": None},
    "not yet": {"nbf": int(time.time()) + 3600},
    "another nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "nonce is true": {"nonce": True},
    "nobody": {"sub": None},
    "empty name": {"sub": ""},
    "name is a list": {"sub": ["nguoi-1"]},
    "name too long": {"sub": "a" * 256},
    "name not in ASCII": {"sub": "người-1"},
    "another access token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    "an access token's list": {"at_hash": ["x"]},
    "an access token's number": {"at_hash": 7},
    "an audience in a list in a list": {"aud": [["binhchon"]]},
    "azp in a list": {"azp": ["binhchon"]},
}


@pytest.mark.parametrize("changed", CLAIMS.values(), ids=CLAIMS)
def test_a_token_with_wrong_claims_is_refused(
    api: RunningApi, hostile: HostileProvider, changed: dict[str, Any]
) -> None:
    asked = begin(api)
    hostile.gives(hostile.sign(hostile.claims(asked["nonce"], **changed)))
    refused(come_back(api, state=asked["state"], code="c"), 502, WRONG)


def test_several_audiences_are_fine_when_it_was_made_for_us(api: RunningApi, hostile: HostileProvider) -> None:
    asked = begin(api)
    hostile.gives(hostile.sign(hostile.claims(asked["nonce"], aud=["binhchon", "other"], azp="binhchon")))
    assert come_back(api, state=asked["state"], code="c").status_code == 303


def spelled(part: bytes) -> str:
    return urlsafe_b64encode(part).decode().rstrip("=")


def unsigned(claims: dict[str, Any], alg: str) -> str:
    return f"{spelled(orjson.dumps({'alg': alg, 'kid': 'one'}))}.{spelled(orjson.dumps(claims))}."


def keyed(claims: dict[str, Any], key: bytes) -> str:
    """Signed as HS256 by hand: libraries refuse to misuse a public key."""
    signed = unsigned(claims, "HS256").removesuffix(".")
    return f"{signed}.{spelled(hmac.digest(key, signed.encode(), hashlib.sha256))}"


def signed_with_the_other_algorithm(hostile: HostileProvider, claims: dict[str, Any]) -> str:
    """Right, but with an algorithm that discovery does not offer."""
    return jwt.encode({"alg": "PS256", "kid": "one"}, claims, hostile.key, ["PS256"])


def brings_its_own_key(_: HostileProvider, claims: dict[str, Any]) -> str:
    header = {"alg": "RS256", "kid": "one", "jwk": OTHER_KEY.as_dict(private=False)}
    return jwt.encode(header, claims, OTHER_KEY, ["RS256"])


SIGNATURES: dict[str, Any] = {
    "alg none": lambda _, claims: unsigned(claims, "none"),
    "alg None": lambda _, claims: unsigned(claims, "None"),
    "no signature": lambda _, claims: unsigned(claims, "RS256"),
    "HS256 with the public key": lambda hostile, claims: keyed(claims, hostile.key.as_pem(private=False)),
    "HS256 with the secret": lambda _, claims: keyed(claims, SECRET.encode()),
    "PS256, not offered": signed_with_the_other_algorithm,
    "another key under the same id": lambda hostile, claims: hostile.sign(claims, OTHER_KEY),
    "its own key in the header": brings_its_own_key,
    "an unknown key": lambda hostile, claims: hostile.sign(claims, kid="two"),
    "changed after it was signed": lambda hostile, claims: hostile.sign(claims)[:-6] + "AAAAAA",
    "no token at all": lambda *_: None,
    "a number": lambda *_: 7,
    "words": lambda *_: "a.b.c",
    "empty": lambda *_: "",
    "claims that are a list": lambda hostile, _: jws.serialize_compact(
        {"alg": "RS256", "kid": "one"}, b"[]", hostile.key
    ),
    "claims that are deep": lambda hostile, _: jws.serialize_compact(HEADER, b"[" * 60_000, hostile.key),
    "claims that are no text": lambda hostile, _: jws.serialize_compact(HEADER, b"\xff\xfe", hostile.key),
    "a deep header": lambda *_: f"{spelled(b'[' * 5_000)}.e30.AAAA",
    "a header of other types": lambda *_: spelled(b'{"alg": ["RS256"], "kid": {}}') + ".e30.AAAA",
    "a header that is a list": lambda *_: "W10.e30.AAAA",
    "letters of no alphabet": lambda *_: "ấ.ẩ.ẫ",
    "a very long one": lambda hostile, claims: hostile.sign(claims | {"more": "a" * 300_000}),
}


@pytest.mark.parametrize("forge", SIGNATURES.values(), ids=SIGNATURES)
def test_a_token_that_the_provider_did_not_sign_is_refused(
    api: RunningApi, hostile: HostileProvider, forge: Any
) -> None:
    asked = begin(api)
    hostile.gives(forge(hostile, hostile.claims(asked["nonce"])))
    refused(come_back(api, state=asked["state"], code="c"), 502, WRONG)


def test_a_new_key_is_fetched_when_a_token_names_it(
    api: RunningApi, hostile: HostileProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a flood of tokens with unknown keys makes no flood of fetches."""
    monkeypatch.setattr(oidc_client, "KEPT_S", 3600.0)
    monkeypatch.setattr(oidc_client, "REFETCHED_S", 0.0)
    key = ECKey.generate_key("P-256", {"kid": "hai", "use": "sig"}, auto_kid=False)
    asked = begin(api)
    hostile.gives(hostile.sign(hostile.claims(asked["nonce"])))
    assert come_back(api, state=asked["state"], code="c").status_code == 303
    hostile.keys = [{"kty": "new", "kid": "x"}, {"kty": "oct", "k": "AAAA", "kid": "hai"}, key.as_dict(private=False)]
    asked = begin(api)
    hostile.gives(hostile.sign(hostile.claims(asked["nonce"]), key, alg="ES256", kid="hai"))
    assert come_back(api, state=asked["state"], code="c").status_code == 303
    monkeypatch.setattr(oidc_client, "REFETCHED_S", 60.0)
    before = len(hostile.asked)
    for _ in range(3):
        asked = begin(api)
        hostile.gives(hostile.sign(hostile.claims(asked["nonce"]), kid="ba"))
        refused(come_back(api, state=asked["state"], code="c"), 502, WRONG)
    assert [path for path, *_ in hostile.asked[before:]] == ["/token"] * 3


NONSENSE: dict[str, Any] = {
    "a web page": (200, b"<!doctype html><h1>Welcome</h1>"),
    "nothing": (200, b""),
    "a list": (200, b"[]"),
    "broken": (200, b'{"issuer": "http'),
    "not text": (200, b"\xff\xfe\x00"),
    "not found": (404, {}),
    "elsewhere": (302, b""),
    "too large": (200, b'{"a": "' + b"a" * 1_100_000 + b'"}'),
    "deep": (200, b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
}


@pytest.mark.parametrize("reply", NONSENSE.values(), ids=NONSENSE)
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/jwks", "/token"])
def test_a_provider_that_answers_nonsense(
    api: RunningApi, hostile: HostileProvider, logged: Logged, path: str, reply: Any
) -> None:
    asked = begin(api)
    hostile.gives(hostile.sign(hostile.claims(asked["nonce"])))
    hostile.replies[path] = lambda _: reply
    page = come_back(api, state=asked["state"], code="c")
    refused(page, 502, WRONG)
    assert "Nhà Thử" in page.text
    assert any("OpenID provider" in text for _, text in logged.lines)
    assert not any(SECRET in text for _, text in logged.lines)
    if path.startswith("/.well-known"):
        refused(api.client.post("/login/oidc/thu", data=TICKED, headers=OWN), 502, WRONG)


def test_an_error_is_said_in_the_voters_language(api: RunningApi, hostile: HostileProvider) -> None:
    asked = begin(api, language="en", next="/en/the-le")
    page = come_back(api, state=asked["state"], code="c")
    assert page.status_code == 503
    assert '<html lang="en">' in page.text
    assert 'value="/en/the-le"' in page.text
    assert "Nhà Thử" in page.text


DISCOVERY: dict[str, dict[str, Any]] = {
    "another issuer": {"issuer": "https://accounts.example"},
    "an issuer that is a number": {"issuer": 7},
    "no address": {"authorization_endpoint": None},
    "tokens over plain http elsewhere": {"token_endpoint": "http://accounts.example/token"},
    "keys in a file": {"jwks_uri": "file:///etc/passwd"},
    "a script": {"authorization_endpoint": "javascript:alert(1)"},
    "only HS256": {"id_token_signing_alg_values_supported": ["HS256", "none"]},
    "no secret is taken": {"token_endpoint_auth_methods_supported": ["private_key_jwt"]},
}


@pytest.mark.parametrize("changed", DISCOVERY.values(), ids=DISCOVERY)
def test_a_discovery_document_that_cannot_be_believed(
    api: RunningApi, hostile: HostileProvider, changed: dict[str, Any]
) -> None:
    hostile.discovery = changed
    page = api.client.post("/login/oidc/thu", data=TICKED | {"next": "/the-le"}, headers=OWN)
    refused(page, 502, WRONG)
    assert 'name="next" value="/the-le"' in page.text


def test_an_answer_has_a_limit(api: RunningApi, hostile: HostileProvider) -> None:
    hostile.discovery = {"more": "a" * 900_000}
    begin(api)
    hostile.discovery = {"more": "a" * 1_000_000}
    refused(api.client.post("/login/oidc/thu", data=TICKED, headers=OWN), 502, WRONG)


def test_a_secret_goes_into_the_form_where_the_provider_wants_it(api: RunningApi, hostile: HostileProvider) -> None:
    hostile.discovery = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    asked = begin(api)
    hostile.gives(hostile.sign(hostile.claims(asked["nonce"])))
    assert come_back(api, state=asked["state"], code="c").status_code == 303
    [(_, form, authorization)] = [one for one in hostile.asked if one[0] == "/token"]
    assert (form["client_secret"], authorization) == (SECRET, "")


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_provider_that_is_down(api: RunningApi, hostile: HostileProvider, logged: Logged, status: int) -> None:
    asked = begin(api)
    hostile.replies["/token"] = lambda _: (status, b"<h1>Sorry</h1>")
    page = come_back(api, state=asked["state"], code="c")
    refused(page, 503, AWAY)
    assert page.headers["retry-after"] == "60"
    hostile.replies["/.well-known/openid-configuration"] = lambda _: (status, b"")
    refused(api.client.post("/login/oidc/thu", data=TICKED, headers=OWN), 503, AWAY)


def test_a_slow_provider_is_given_up_and_holds_up_nobody(
    api: RunningApi, hostile: HostileProvider, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setattr(oidc_client, "TIMEOUT_S", 0.3)
    asked = begin(api)
    asleep, wake = threading.Event(), threading.Event()

    def slow(_: dict[str, str]) -> tuple[int, bytes]:
        asleep.set()
        wake.wait(10)
        return 200, b"{}"

    hostile.replies["/token"] = slow
    found: list[httpx.Response] = []
    cookies = dict(api.client.cookies)
    waiting = threading.Thread(
        target=lambda: found.append(
            httpx.get(
                f"{api.url}/login/oidc/thu/callback", params={"state": asked["state"], "code": "c"}, cookies=cookies
            )
        )
    )
    waiting.start()
    assert asleep.wait(10)
    assert not found
    assert api.vote(3, token).status_code == 201, "votes go on while a provider is waited for"
    waiting.join(10)
    wake.set()
    refused(found[0], 503, AWAY)


def test_a_provider_that_is_not_there_is_asked_once_for_all_who_wait(
    start_api: Any, open_box: str, scratch: str, logged: Logged
) -> None:
    """And not again for seconds: nobody waits for it in turn."""
    gone = HostileProvider()
    gone.replies["/.well-known/openid-configuration"] = lambda _: (503, b"")
    api = start_api(open_box, scratch_url=scratch, oidc_providers=(gone.provider,))
    api.wait_ready()
    for _ in range(5):
        refused(api.client.post("/login/oidc/thu", data=TICKED, headers=OWN), 503, AWAY)
    assert len(gone.asked) == 1
    gone.stop()


def test_what_discovery_said_is_kept(start_api: Any, open_box: str, scratch: str) -> None:
    provider = HostileProvider()
    api = start_api(open_box, scratch_url=scratch, oidc_providers=(provider.provider,))
    api.wait_ready()
    for _ in range(3):
        asked = begin(api)
        provider.gives(provider.sign(provider.claims(asked["nonce"])))
        assert come_back(api, state=asked["state"], code="c").status_code == 303
    paths = [path for path, *_ in provider.asked]
    assert paths.count("/.well-known/openid-configuration") == paths.count("/jwks") == 1
    provider.stop()


def test_a_callback_of_another_browser_is_refused(api: RunningApi, hostile: HostileProvider) -> None:
    """Login CSRF: the attacker's own answer, opened by somebody else."""
    asked = begin(api)
    hostile.gives(hostile.sign(hostile.claims(asked["nonce"])))
    with httpx.Client() as victim:
        refused(come_back(api, browser=victim, state=asked["state"], code="c"), 403, LOST)
        begin(api, browser=victim)  # who began one of their own has a cookie, but not for this state
        refused(come_back(api, browser=victim, state=asked["state"], code="c"), 403, LOST)
    assert [one for one in hostile.asked if one[0] == "/token"] == []


def test_a_callback_is_good_once(api: RunningApi, hostile: HostileProvider) -> None:
    asked = begin(api)
    kept = dict(api.client.cookies)
    hostile.gives(hostile.sign(hostile.claims(asked["nonce"])))
    assert come_back(api, state=asked["state"], code="c").status_code == 303
    refused(come_back(api, state=asked["state"], code="c"), 403, LOST)
    with httpx.Client(cookies=kept) as again:
        refused(come_back(api, browser=again, state=asked["state"], code="d"), 403, LOST)
    assert len([one for one in hostile.asked if one[0] == "/token"]) == 1


def test_a_code_that_the_provider_refuses(api: RunningApi, hostile: HostileProvider) -> None:
    asked = begin(api)
    hostile.replies["/token"] = lambda _: (400, {"error": "invalid_grant"})
    refused(come_back(api, state=asked["state"], code="used"), 403, LOST)


def test_made_up_codes_do_not_reach_the_provider_without_end(
    api: RunningApi, hostile: HostileProvider, scratch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flows, "FAILED_MOST", 3)

    def exchanges() -> int:
        return len([one for one in hostile.asked if one[0] == "/token"])

    for _ in range(5):
        asked = begin(api)
        hostile.gives(hostile.sign(hostile.claims(asked["nonce"])))
        assert come_back(api, state=asked["state"], code="c").status_code == 303, "what succeeds does not count"
    hostile.replies["/token"] = lambda _: (400, {"error": "invalid_grant"})
    for _ in range(3):
        refused(come_back(api, state=begin(api)["state"], code="junk"), 403, LOST)
    assert exchanges() == 8
    beyond = come_back(api, state=begin(api)["state"], code="junk")
    refused(beyond, 503, AWAY)
    assert beyond.headers["retry-after"] == "60"
    assert exchanges() == 8
    with redis.Redis.from_url(scratch) as client:
        assert client.get("oidc:failed:thu") == b"3"
        assert 50 < client.ttl("oidc:failed:thu") <= 60, "it opens again by itself"
        client.delete("oidc:failed:thu")
    refused(come_back(api, state=begin(api)["state"], code="junk"), 403, LOST)
    assert exchanges() == 9


def test_callbacks_that_fail_do_not_fill_the_log(
    api: RunningApi, hostile: HostileProvider, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oidc, "SAID_EVERY_S", 3600.0)
    hostile.replies["/token"] = lambda _: (500, {})
    for _ in range(5):
        refused(come_back(api, state=begin(api)["state"], code="junk"), 503, AWAY)
    assert [text for _, text in logged.lines].count("an OpenID provider cannot be used") <= 1


def test_an_id_token_of_another_login_is_refused(api: RunningApi, hostile: HostileProvider) -> None:
    """Code injection: the code of one login in the callback of another."""
    first, second = begin(api), begin(api)
    hostile.gives(hostile.sign(hostile.claims(first["nonce"])))
    refused(come_back(api, state=second["state"], code="c"), 502, WRONG)


@pytest.mark.parametrize("state", ["", "x", "ấ", "a" * 43, "a" * 5000, "\r\nSet-Cookie: a=b"])
def test_a_state_that_nobody_began(api: RunningApi, state: str) -> None:
    begin(api)
    refused(come_back(api, state=state, code="c"), 403, LOST)
    refused(api.client.get("/login/oidc/thu/callback"), 403, LOST)


def forged(keys: KeyRing, now: float, **changed: Any) -> str:
    """The cookie of a login, as it would be made with `keys`."""
    fields: dict[str, Any] = {"state": "s" * 43, "provider": "thu", "back": "/", "agreed": agreed_to(TICKED)}
    return Flows(keys, secure=False).cookie(Flow(**(fields | changed)), now).split(";")[0]


def test_a_forged_cookie_and_one_that_is_too_old(api: RunningApi, hostile: HostileProvider) -> None:
    nonce = Flows(KEYS, secure=False).nonce("s" * 43)
    hostile.gives(hostile.sign(hostile.claims(nonce)))
    now = time.time()
    stranger = KeyRing("a key of somebody else", ("a",))
    name, _, genuine = forged(KEYS, now).partition("=")
    head, body, seal = genuine.split(".")
    changed = urlsafe_b64encode(body.encode()).decode().rstrip("=")
    for cookie in (
        forged(stranger, now),
        forged(KEYS, now - 601),
        forged(KEYS, now, provider="khac"),
        f"{name}={head}.{changed}.{seal}",
        f"{name}={unsigned({'state': 's' * 43}, 'none')}",
        f"{name}=",
        f"{name}=a.b.c",
    ):
        headers = {"Cookie": cookie}
        query = {"state": "s" * 43, "code": "c"}
        page = httpx.get(f"{api.url}/login/oidc/thu/callback", params=query, headers=headers)
        refused(page, 403, LOST)
    good = httpx.get(f"{api.url}/login/oidc/thu/callback", params=query, headers={"Cookie": forged(KEYS, now)})
    assert good.status_code == 303


def test_a_state_that_begins_like_another_is_not_it(api: RunningApi, hostile: HostileProvider) -> None:
    """Cookies are found by the first letters of the state."""
    other = begin(api)["state"][:12] + "x" * 31
    hostile.gives(hostile.sign(hostile.claims(Flows(KEYS, secure=False).nonce(other))))
    refused(come_back(api, state=other, code="c"), 403, LOST)


def test_with_https_the_cookies_are_for_this_host_alone(start_api: Any, open_box: str, scratch: str) -> None:
    provider = HostileProvider()
    public = "https://binhchon.example.vn"
    api = start_api(open_box, scratch_url=scratch, oidc_providers=(provider.provider,), public_origin=public)
    api.wait_ready()
    page = api.client.post("/login/oidc/thu", data=TICKED, headers=OWN)
    assert page.headers["set-cookie"].startswith("__Host-oidc-")
    assert page.headers["set-cookie"].endswith("; Secure")
    assert httpx.URL(leads_to(page)).params["redirect_uri"] == f"{public}/login/oidc/thu/callback"
    provider.stop()


def test_two_tabs_both_get_there(api: RunningApi, hostile: HostileProvider) -> None:
    first, second = begin(api, next="/the-le"), begin(api, next="/ket-qua")
    for asked, back in ((second, "/ket-qua"), (first, "/the-le")):
        hostile.gives(hostile.sign(hostile.claims(asked["nonce"])))
        assert come_back(api, state=asked["state"], code="c").headers["location"] == back
    assert [name for name in api.client.cookies if name.startswith("oidc-")] == []


def test_many_tabs_do_not_fill_the_browser_with_cookies(api: RunningApi) -> None:
    begun = [begin(api) for _ in range(5)]
    assert len([name for name in api.client.cookies if name.startswith("oidc-")]) == 1
    refused(come_back(api, state=begun[0]["state"], code="c"), 403, LOST)


def test_a_mix_up_of_providers_is_seen(api: RunningApi, hostile: HostileProvider) -> None:
    """The answer of one provider at the address of another, and one that says it is another's (RFC 9207)."""
    asked = begin(api)
    hostile.gives(hostile.sign(hostile.claims(asked["nonce"])))
    refused(come_back(api, "khac", state=asked["state"], code="c"), 403, LOST)
    refused(come_back(api, state=asked["state"], code="c", iss="https://accounts.example"), 502, WRONG)
    hostile.discovery = {"authorization_response_iss_parameter_supported": True}
    asked = begin(api)
    refused(come_back(api, state=asked["state"], code="c"), 502, WRONG)
    assert [one for one in hostile.asked if one[0] == "/token"] == []


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_nobody_is_sent_elsewhere(api: RunningApi, hostile: HostileProvider, wanted: str) -> None:
    asked = begin(api, next=wanted)
    hostile.gives(hostile.sign(hostile.claims(asked["nonce"])))
    assert come_back(api, state=asked["state"], code="c").headers["location"] == "/"


def test_nothing_begins_by_a_link_or_a_form_of_another_website(api: RunningApi, hostile: HostileProvider) -> None:
    link = api.client.get("/login/oidc/thu")
    assert (link.status_code, link.headers["location"]) == (303, "/dang-nhap")
    for headers in ({}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        page = api.client.post("/login/oidc/thu", data=TICKED, headers=headers)
        assert page.status_code == 403
        assert "set-cookie" not in page.headers
    assert hostile.asked == []


def test_who_did_not_agree_to_all_is_asked_again(api: RunningApi, hostile: HostileProvider) -> None:
    ticked = {"counting": "1", "next": "/the-le", "identity": "an@example.vn"}
    page = api.client.post("/login/oidc/thu", data=ticked, headers=OWN)
    refused(page, 422, "Mời bạn đánh dấu ô")
    assert 'value="/the-le"' in page.text
    assert 'value="an@example.vn"' in page.text
    assert hostile.asked == []


def test_other_errors_of_the_provider(api: RunningApi) -> None:
    asked = begin(api)
    refused(come_back(api, state=asked["state"], error="server_error", error_description="<script>"), 502, WRONG)


def test_with_scratch_away_nobody_gets_in_twice(start_api: Any, open_box: str) -> None:
    provider = HostileProvider()
    api = start_api(open_box, oidc_providers=(provider.provider,))
    api.wait_ready()
    asked = begin(api)
    provider.gives(provider.sign(provider.claims(asked["nonce"])))
    refused(come_back(api, state=asked["state"], code="c"), 503, "Chưa đăng nhập được lúc này")
    provider.stop()


def test_unknown_providers_do_not_exist(api: RunningApi) -> None:
    for answer in (
        api.client.get("/login/oidc/other"),
        api.client.get("/login/oidc/other/callback"),
        api.client.post("/login/oidc/other", data=TICKED, headers=OWN),
    ):
        assert answer.status_code == 404


def test_without_providers_the_login_page_says_nothing_of_them(login_api: RunningApi) -> None:
    page = login_api.client.get("/dang-nhap")
    assert "oidc" not in page.text
    assert login_api.client.post("/login/oidc/thu", data=TICKED, headers=OWN).status_code == 404


ZALO = (
    "Mozilla/5.0 (Linux; Android 13; SM-A145F Build/TP1A.220624.014; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Version/4.0 Chrome/120.0.6099.144 Mobile Safari/537.36 Zalo android/23120583 ZaloTheme/light ZaloLanguage/vi"
)
VIEW = (
    "Mozilla/5.0 (Linux; Android 13; SM-A145F Build/TP1A.220624.014; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Version/4.0 Chrome/120.0.6099.144 Mobile Safari/537.36"
)


def test_inside_an_app_the_code_is_offered_and_the_reason_said(api: RunningApi) -> None:
    plain = api.client.get("/dang-nhap").text
    assert "Đăng nhập bằng Nhà Thử" in plain
    assert "Chrome" not in plain
    inside = api.client.get("/dang-nhap", headers={"User-Agent": ZALO}).text
    assert "trong ứng dụng Zalo" in inside
    assert "/login/oidc/" not in inside
    weak = api.client.get("/dang-nhap", headers={"User-Agent": VIEW}).text
    assert "Đăng nhập bằng Nhà Thử" in weak
    assert "không cho đăng nhập ở đây" in weak
