"""Where a vote came from, as bytes for fraud work: the client's address and a keyed signature of the device."""

import hashlib
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from models.event import pack_evidence

Network = IPv4Network | IPv6Network
_Signs = tuple[str, bytes | None, bytes | None, bytes | None, bytes | None]
_CACHE_SIZE = 8_192
_CACHED_BYTES = 1_024  # of one request's signs; longer ones are nobody's browser, and 8,192 of them would fill memory


def parse_proxies(text: str) -> tuple[Network, ...]:
    """Networks of a comma-separated list. Errors: ValueError, naming the part that is none."""
    return tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())


def client_address(peer: str, forwarded: str, proxies: Iterable[Network]) -> str:
    """Who asked: the rightmost hop of X-Forwarded-For that is no proxy of ours, the peer where it is none of them.

    What stands further left was written by the client itself and is believed by nobody.
    """
    proxies = tuple(proxies)
    address = peer
    for hop in reversed(forwarded.split(",") if forwarded else []):
        if not _is_proxy(address, proxies):
            break
        bare = _without_port(hop.strip())
        if bare is None:
            break
        address = bare
    return address


def _is_proxy(address: str, proxies: tuple[Network, ...]) -> bool:
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    return any(ip in network for network in proxies)


def _without_port(hop: str) -> str | None:
    """The address in `1.2.3.4`, `1.2.3.4:80`, `::1` or `[::1]:80`; None where there is none."""
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        hop = hop.partition(":")[0]
    try:
        return str(ip_address(hop))
    except ValueError:
        return None


class Evidence:
    """Packs the evidence of requests; the last few thousand are remembered."""

    def __init__(self, device_key: bytes, proxies: tuple[Network, ...]) -> None:
        self._key = device_key
        self._proxies = proxies
        self._packed: dict[_Signs, bytes] = {}

    def address_of(self, client: object, fields: Mapping[bytes, bytes]) -> str:
        """The client's address as text; `client`: as ASGI has it."""
        peer = client[0] if isinstance(client, tuple) else ""
        return client_address(peer, fields.get(b"x-forwarded-for", b"").decode("latin-1"), self._proxies)

    def of(self, client: tuple[str, int] | None, fields: Mapping[bytes, bytes]) -> bytes:
        """8 bytes of device signature, then the address (4 or 16 bytes; none for a peer that has no address)."""
        peer = client[0] if client else ""
        forwarded = fields.get(b"x-forwarded-for") if self._proxies else None
        get = fields.get
        signs = (peer, forwarded, get(b"user-agent"), get(b"accept-language"), get(b"sec-ch-ua-platform"))
        packed = self._packed.get(signs)
        if packed is None:
            text = b"\n".join([sign or b"" for sign in signs[2:]])
            device = hashlib.blake2b(text, key=self._key, digest_size=8).digest()
            address = client_address(peer, forwarded.decode("latin-1") if forwarded else "", self._proxies)
            packed = pack_evidence(address, device)
            if len(self._packed) >= _CACHE_SIZE:
                self._packed.clear()
            if sum(len(sign) for sign in signs if sign) <= _CACHED_BYTES:
                self._packed[signs] = packed
        return packed
