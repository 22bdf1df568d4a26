"""What is rehearsed on, as HTTP alone shows it: the stack of our own, or an installation at an address."""

import re
import ssl
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import httpx

from loadtests.rehearsal.plan import Entry
from loadtests.rehearsal.processes import RehearsalError

MOST_ASSETS = 6
_GAUGES = {
    "binhchon_pending": "pending",
    "binhchon_flush_lag_seconds": "lag_s",
    "binhchon_ticked_at_ms": "told_at_ms",
}


@dataclass(frozen=True)
class Target:
    """`contest`: of `/api/contest`; `assets`: what the first page loads with it."""

    address: str
    contest: dict[str, Any]
    entries: list[Entry]
    assets: list[str]
    client: httpx.Client = field(repr=False)


def find_target(address: str) -> Target:
    """Looks at the contest there. Errors: RehearsalError where it was not made for rehearsal, takes no votes, or hides
    its counts: then nobody could say afterwards whether what was acknowledged is counted.
    """
    if urlsplit(address).scheme not in {"http", "https"} or not urlsplit(address).hostname:
        raise RehearsalError(f"{address} is no address of an installation: it begins with http:// or https://")
    trust = ssl.create_default_context()  # the machine's authorities, or SSL_CERT_FILE's: as the load's connections
    client = httpx.Client(base_url=address.rstrip("/"), timeout=5.0, trust_env=False, verify=trust)
    try:
        return _look(address, client)
    except RehearsalError:
        client.close()
        raise


def _look(address: str, client: httpx.Client) -> Target:
    try:
        contest = client.get("/api/contest").raise_for_status().json()
        if contest["minted_sessions"] is not True:
            raise RehearsalError(
                f"the contest at {address} was not made for rehearsal, and rehearsal votes must never enter a real one."
                " Make one with `minted_sessions = true` (docs/rehearsal.md)"
            )
        entries = client.get("/api/entries").raise_for_status().json()["entries"]
        page = client.get("/").raise_for_status().text
        state, policy = contest["state"], contest["result_policy"]
        chosen = [Entry(one["id"], one["slug"]) for one in entries]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        raise RehearsalError(f"{address} does not answer as this system does: {error!r}") from None
    if state != "open" or not entries:
        raise RehearsalError(f"the contest at {address} takes no votes: state {state}, entries {len(entries)}")
    if policy != "live":
        raise RehearsalError(
            f"the contest at {address} hides its counts (result_policy {policy}): nobody could say afterwards whether"
            ' every acknowledged vote is counted. Give the contest of the rehearsal `result_policy = "live"`'
        )
    return Target(address.rstrip("/"), contest, chosen, assets_of(page), client)


def gauges(target: Target) -> dict[str, float]:
    """What `/metrics` says of the log: `pending`, `lag_s`, and `told_at_ms`, when the system last looked: while its
    ledger is away the others stand still. Empty where it does not answer us.
    """
    try:
        answer = target.client.get("/metrics")
    except httpx.HTTPError:
        return {}
    if answer.status_code != 200:
        return {}
    found = re.findall(r"^(\w+) (\S+)$", answer.text, re.MULTILINE)
    return {_GAUGES[name]: float(value) for name, value in found if name in _GAUGES}


def tallies(target: Target) -> dict[int, int] | None:
    """Entry → votes, as the public sees them; None where they are hidden or do not come."""
    try:
        counts = target.client.get("/api/tallies").raise_for_status().json()["tallies"]
    except (httpx.HTTPError, ValueError, KeyError):
        return None
    return None if counts is None else {int(entry): votes for entry, votes in counts.items()}


def ready(target: Target) -> bool:
    try:
        return target.client.get("/health/ready").status_code == 200
    except httpx.HTTPError:
        return False


class _Assets(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        address = values.get("src") if tag == "script" else None
        if tag == "link" and values.get("rel") == "stylesheet":
            address = values.get("href")
        if address and address.startswith("/") and not address.startswith("//"):
            self.found.append(address)


def assets_of(page: str) -> list[str]:
    """The style sheets and scripts of a page, of its own website."""
    parser = _Assets()
    parser.feed(page)
    return list(dict.fromkeys(parser.found))[:MOST_ASSETS]
