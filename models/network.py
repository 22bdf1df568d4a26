"""Networks as operators write them, and the addresses of votes that are in one."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import NamedTuple

from models.event import DEVICE_BYTES

Network = IPv4Network | IPv6Network
WIDEST = {4: 8, 6: 16}
"""The shortest prefix of a network that anything may be said of: a whole country is nobody's."""


class Range(NamedTuple):
    """A network as votes carry it: the addresses from `low` to `high`, in evidence that has `octets` bytes in all."""

    low: bytes
    high: bytes
    octets: int


def parse_network(text: str) -> str:
    """The one spelling of a network, or of one address, as CIDR.

    Errors: ValueError, with what was typed; also for one wider than WIDEST.
    """
    typed = text.strip()
    try:
        network = ip_network(typed, strict=False)
    except ValueError:
        raise ValueError(typed[:100]) from None
    if network.prefixlen < WIDEST[network.version]:
        raise ValueError(typed[:100])
    return str(network)


def range_of(network: Network) -> Range:
    """Where the network's addresses stand in evidence."""
    low, high = network.network_address.packed, network.broadcast_address.packed
    return Range(low, high, DEVICE_BYTES + len(low))
