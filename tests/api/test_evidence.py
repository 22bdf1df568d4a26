import pytest

from api.evidence import Evidence, client_address, parse_proxies

PROXIES = parse_proxies("10.0.0.0/8, 192.168.1.1, fd00::/8")


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", "1.2.3.4", "203.0.113.9"),  # no proxy of ours: what it forwards is not believed
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "1.2.3.4, 203.0.113.9", "203.0.113.9"),  # the left one was written by the client
        ("10.0.0.1", "1.2.3.4, 203.0.113.9, 192.168.1.1", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9:4711", "203.0.113.9"),
        ("fd00::1", "[2001:db8::5]:443", "2001:db8::5"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "1.2.3.4, garbage", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"),
        ("", "1.2.3.4", ""),
    ],
)
def test_the_rightmost_hop_that_is_no_proxy_of_ours(peer, forwarded, address):
    assert client_address(peer, forwarded, PROXIES) == address


def test_a_garbled_network_is_refused():
    with pytest.raises(ValueError, match="nonsense"):
        parse_proxies("10.0.0.0/8, nonsense")


def test_evidence_is_a_keyed_device_and_an_address():
    fields = {b"user-agent": b"Firefox", b"accept-language": b"vi"}
    one, other = Evidence(b"k" * 32, ()), Evidence(b"o" * 32, ())
    packed = one.of(("192.0.2.7", 1), fields)
    assert packed[8:] == bytes([192, 0, 2, 7])
    assert packed[:8] == one.of(("192.0.2.8", 2), fields)[:8]
    assert packed[:8] != one.of(("192.0.2.7", 1), fields | {b"user-agent": b"Chrome"})[:8]
    assert packed[:8] != other.of(("192.0.2.7", 1), fields)[:8]


def test_a_forwarded_address_is_ignored_without_trusted_proxies():
    fields = {b"x-forwarded-for": b"1.2.3.4"}
    assert Evidence(b"k" * 32, ()).of(("10.0.0.1", 1), fields)[8:] == bytes([10, 0, 0, 1])
    assert Evidence(b"k" * 32, PROXIES).of(("10.0.0.1", 1), fields)[8:] == bytes([1, 2, 3, 4])


def test_the_memory_is_bounded(monkeypatch):
    monkeypatch.setattr("api.evidence._CACHE_SIZE", 3)
    evidence = Evidence(b"k" * 32, ())
    for number in range(10):
        evidence.of(("192.0.2.7", 1), {b"user-agent": b"%d" % number})
        assert len(evidence._packed) <= 3
