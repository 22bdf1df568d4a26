"""Throw-away mail: domains whose mailboxes anybody can open, so that one person has as many accounts as they like.

The public list comes with the package `disposable-email-domains`; operators add their own
(`DISPOSABLE_DOMAINS`, and while everything runs `models/signal_lists.py`).
"""

from collections.abc import Collection

from disposable_email_domains import blocklist

SHIPPED = len(blocklist)
"""How many domains the public list has."""


def is_disposable(domain: str, own: Collection[str] = ()) -> bool:
    """Whether `domain`, or one that it is a subdomain of, is on a list."""
    return any(parent in blocklist or parent in own for parent in parents_of(domain))


def parents_of(domain: str) -> list[str]:
    """`a.b.vn` → itself and the domains that it is a subdomain of, but the last label: `a.b.vn`, `b.vn`."""
    labels = domain.split(".")
    return [".".join(labels[start:]) for start in range(len(labels) - 1)]


def domains_of(text: str) -> frozenset[str]:
    """The domains of a comma-separated list, in the form that addresses are normalised to. Errors: ValueError."""
    found = frozenset(part.strip().lower().encode("idna").decode() for part in text.split(",") if part.strip())
    for domain in found:
        if "." not in domain or "@" in domain or " " in domain:
            raise ValueError(f"not a domain: {domain}")
    return found
