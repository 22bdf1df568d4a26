"""What the bench tells beside its tables."""

import pytest

from loadtests.bench.notes import as_lines

PROVINCE = {"votes": 50, "acknowledged": 49, "acknowledged_s": 61.2, "all_in_ledger_s": 70.0, "reached": False}


def summary(**values):
    return {
        "generator": "autocannon 9.0.0",
        "generator_share": {"durable_votes": 0.3, "page": 0.45},
        "machine": {"cores": 2},
        "flushed_after_s": {"durable_votes": 0.25},
        "province": None,
    } | values


def test_the_generator_and_what_the_flush_had_left() -> None:
    lines = as_lines(summary())
    assert lines[0] == "load generator: autocannon 9.0.0, one thread"
    assert lines[-1].endswith("in the ledger within, s: durable_votes 0.25")


@pytest.mark.parametrize(("cores", "named"), [(2, ["page"]), (1, []), (4, ["durable_votes", "page"])])
def test_a_generator_that_was_the_limit_is_named(cores, named) -> None:
    told = [line for line in as_lines(summary(machine={"cores": cores})) if "at least" in line]
    assert [line.partition("at least so many of ")[2] for line in told] == ([", ".join(named)] if named else [])


def test_a_province_that_missed_its_minute() -> None:
    assert as_lines(summary(province=PROVINCE))[-1] == (
        "missed  a province: 49 of 50 votes acknowledged after 61.2 s (≤ 60), all in the ledger after 70.0 s (≤ 65)"
    )
    assert as_lines(summary(province=PROVINCE | {"reached": True}))[-1].startswith("reached a province")
