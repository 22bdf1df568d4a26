"""One OpenID provider as its client sees it: discovery, keys, and a code for who logged in.

OpenID Connect Core 1.0 (3.1), Discovery 1.0, PKCE (RFC 7636), issuer identification (RFC 9207). Every answer is bounded
in size and time, no redirect is followed, nothing of the provider's is kept but its discovery document and its keys.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx
import orjson
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from api.voters.oidc_token import ALGORITHMS, ProviderWrong, Subject, public_keys, read_id_token
from models.oidc import Provider, is_provider_address

TIMEOUT_S = 5.0  # for one whole answer
LARGEST = 1_000_000  # bytes of one
KEPT_S = 3600.0
REFETCHED_S = 60.0
"""Keys are asked for again when a token names an unknown one, but not more often than this."""
FAILED_S = 5.0
"""How long a failure is the answer to everybody: a provider that is down is not waited for by each voter in turn."""

Document = dict[str, Any]
T = TypeVar("T")


class ProviderAway(Exception):  # noqa: N818 - a state of the provider, as its callers speak of it
    """The provider does not answer, or says that it cannot now."""


class CodeRefused(Exception):  # noqa: N818 - the same
    """The provider does not take the code: it was used before, or is too old."""


@dataclass(frozen=True)
class Metadata:
    """What discovery says, checked: addresses and what they take."""

    authorization: str
    token: str
    jwks: str
    algorithms: tuple[str, ...]
    basic: bool
    """Whether the secret goes into the Authorization field; else into the form."""
    names_itself: bool
    """Whether its callbacks carry `iss`."""


class Kept(Generic[T]):
    """One thing that is fetched: once at a time for all who ask, and kept for an hour; a failure for seconds."""

    def __init__(self, fetch: Callable[[], Awaitable[T]]) -> None:
        self._fetch = fetch
        self._task: asyncio.Task[T] | None = None
        self._begun = 0.0

    async def get(self, *, fresh: bool = False) -> T:
        """Errors: what `fetch` raises. `fresh`: not one that was fetched more than a minute ago."""
        if self._task is None or (self._task.done() and self._is_old(self._task, fresh=fresh)):
            self._begun = time.monotonic()
            self._task = asyncio.ensure_future(self._fetch())
        return await asyncio.shield(self._task)

    def _is_old(self, task: "asyncio.Task[T]", *, fresh: bool) -> bool:
        failed = task.cancelled() or task.exception() is not None
        limit = FAILED_S if failed else REFETCHED_S if fresh else KEPT_S
        return time.monotonic() - self._begun >= limit


class Client:
    """What a login needs of one provider."""

    def __init__(self, provider: Provider, http: httpx.AsyncClient) -> None:
        self.provider = provider
        self.said_at = float("-inf")
        """When trouble was last logged: time.monotonic()."""
        self._http = http
        self._metadata = Kept(self._discover)
        self._keys = Kept(self._fetch_keys)

    async def address(self, *, callback: str, state: str, nonce: str, verifier: str, locale: str) -> str:
        """Where the voter's browser is sent. Errors: ProviderAway, ProviderWrong."""
        metadata = await self._metadata.get()
        address: str = prepare_grant_uri(  # type: ignore[no-untyped-call]
            metadata.authorization,
            self.provider.client_id,
            "code",
            redirect_uri=callback,
            scope=self.provider.scope,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),  # type: ignore[no-untyped-call]
            code_challenge_method="S256",
            ui_locales=locale,
        )
        return address

    async def comes_from_here(self, iss: str | None) -> bool:
        """Whether a callback with this `iss` is this provider's (RFC 9207, 2.4).

        Errors: ProviderAway, ProviderWrong.
        """
        if iss is None:
            return not (await self._metadata.get()).names_itself
        return iss == self.provider.issuer

    async def subject(self, *, code: str, callback: str, nonce: str, verifier: str) -> Subject:
        """Who logged in. Errors: ProviderAway, ProviderWrong, CodeRefused."""
        metadata = await self._metadata.get()
        tokens = await self._exchange(metadata, code, callback, verifier)
        id_token, access_token = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(id_token, str) or not isinstance(access_token, str | None):
            raise ProviderWrong("no ID token")
        read = partial(
            read_id_token,
            id_token,
            provider=self.provider,
            nonce=nonce,
            access_token=access_token,
            algorithms=metadata.algorithms,
        )
        try:
            try:
                return read(await self._keys.get())
            except InvalidKeyIdError:
                return read(await self._keys.get(fresh=True))
        except JoseError as error:
            raise ProviderWrong(f"ID token: {type(error).__name__}: {error.error}") from None

    async def _exchange(self, metadata: Metadata, code: str, callback: str, verifier: str) -> Document:
        """The tokens for a code. Errors: ProviderAway, ProviderWrong, CodeRefused."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": callback,
            "code_verifier": verifier,
        }
        client_id, secret = self.provider.client_id, self.provider.client_secret.get_secret_value()
        auth = None
        if metadata.basic:  # RFC 6749, 2.3.1: both are encoded as in a form first
            auth = httpx.BasicAuth(quote(client_id, safe=""), quote(secret, safe=""))
        else:
            form |= {"client_id": client_id, "client_secret": secret}
        status, answer = await self._fetch("POST", metadata.token, data=form, auth=auth)
        if status == 200:
            return answer
        if answer.get("error") == "invalid_grant":
            raise CodeRefused
        raise ProviderWrong(f"token endpoint: {status} {answer.get('error')!r:.60}")

    async def _discover(self) -> Metadata:
        """Errors: ProviderAway, ProviderWrong."""
        address = self.provider.issuer.rstrip("/") + "/.well-known/openid-configuration"  # Discovery, 4.1
        status, found = await self._fetch("GET", address)
        if status != 200:
            raise ProviderWrong(f"discovery: {status}")
        if found.get("issuer") != self.provider.issuer:
            raise ProviderWrong(f"discovery: its issuer is {found.get('issuer')!r:.200}")
        algorithms = _texts(found, "id_token_signing_alg_values_supported", ("RS256",))
        methods = _texts(found, "token_endpoint_auth_methods_supported", ("client_secret_basic",))
        if not {"client_secret_basic", "client_secret_post"} & set(methods):
            raise ProviderWrong("discovery: it takes no client secret")
        metadata = Metadata(
            authorization=self._endpoint(found, "authorization_endpoint"),
            token=self._endpoint(found, "token_endpoint"),
            jwks=self._endpoint(found, "jwks_uri"),
            algorithms=tuple(name for name in ALGORITHMS if name in algorithms),
            basic="client_secret_basic" in methods,
            names_itself=found.get("authorization_response_iss_parameter_supported") is True,
        )
        if not metadata.algorithms:
            raise ProviderWrong("discovery: none of its algorithms is taken")
        return metadata

    def _endpoint(self, found: Document, name: str) -> str:
        address = found.get(name)
        if not is_provider_address(address):
            raise ProviderWrong(f"discovery: {name} is {address!r:.200}")
        return str(address)

    async def _fetch_keys(self) -> KeySet:
        """The public keys that tokens may be signed with. Errors: ProviderAway, ProviderWrong."""
        status, found = await self._fetch("GET", (await self._metadata.get()).jwks)
        if status != 200:
            raise ProviderWrong(f"keys: {status}")
        return public_keys(found)

    async def _fetch(self, method: str, address: str, **more: Any) -> tuple[int, Document]:
        """Status and JSON object of one answer. Errors: ProviderAway, ProviderWrong."""
        body = bytearray()
        try:
            async with asyncio.timeout(TIMEOUT_S), self._http.stream(method, address, **more) as response:
                async for part in response.aiter_raw():  # as it came: a small body may unpack to a huge one
                    body += part
                    if len(body) > LARGEST:
                        raise ProviderWrong(f"{address}: more than {LARGEST} bytes")
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise ProviderAway(f"{address}: {type(error).__name__}") from None
        if response.status_code >= 500 or response.status_code == 429:
            raise ProviderAway(f"{address}: {response.status_code}")
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            document = None
        if not isinstance(document, dict):
            raise ProviderWrong(f"{address}: {response.status_code}, and no JSON object")
        return response.status_code, document


def _texts(found: Mapping[str, Any], name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    listed = found.get(name)
    return tuple(text for text in listed if isinstance(text, str)) if isinstance(listed, list) else default


def http_client() -> httpx.AsyncClient:
    """What the providers are spoken to with: no cookies, no redirects, nothing from the environment."""
    return httpx.AsyncClient(
        timeout=TIMEOUT_S,
        follow_redirects=False,
        trust_env=False,
        headers={"accept": "application/json", "accept-encoding": "identity"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )
