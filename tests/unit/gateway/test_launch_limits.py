"""Launches from one address and for one EHR: a burst, then a pace; memory that does not grow; a proxy that says whom it is for."""

import pytest

from auth.client.errors import TooMany
from gateway.launches.launch_limits import ADDRESS, ISSUER, Buckets, LaunchLimits, Pace, remote


def test_a_burst_is_admitted_then_one_at_each_step() -> None:
    buckets = Buckets(pace=Pace(burst=3, rate=2.0))
    assert [buckets.take("a", 10.0) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert buckets.take("a", 10.0) == pytest.approx(0.5)
    assert buckets.take("a", 10.3) == pytest.approx(0.2)
    assert buckets.take("b", 10.3) == 0.0
    assert buckets.take("a", 10.5) == 0.0
    assert buckets.take("a", 10.6) == pytest.approx(0.4)


def test_over_a_long_time_no_more_than_burst_and_pace_come_through() -> None:
    buckets, pace = Buckets(pace=Pace(burst=20, rate=5.0)), Pace(burst=20, rate=5.0)
    admitted = sum(buckets.take("a", n / 100) == 0.0 for n in range(6000))
    assert pace.burst + pace.rate * 59 <= admitted <= pace.burst + pace.rate * 60


def test_the_longest_unused_key_is_forgotten_and_one_that_keeps_knocking_is_not() -> None:
    buckets = Buckets(pace=Pace(burst=1, rate=0.001), most=50)
    assert buckets.take("guilty", 0.0) == 0.0
    for n in range(1000):
        buckets.take(f"a{n}", 1.0 + n)
        assert buckets.take("guilty", 1.0 + n) > 0 or n > 998
        assert len(buckets) <= 50


@pytest.mark.parametrize(("peer", "forwarded", "counted"), [
    ("192.0.2.1", (), "192.0.2.1"), ("192.0.2.1", ("198.51.100.7",), "198.51.100.7"),
    ("192.0.2.1", ("203.0.113.9, 198.51.100.7",), "198.51.100.7"),
    ("192.0.2.1", ("203.0.113.9", "198.51.100.7:4711"), "198.51.100.7"),
    ("192.0.2.1", ("no address",), "192.0.2.1"), ("2001:db8:1:2:aaaa::1", (), "2001:db8:1:2::/64"),
    ("192.0.2.1", ("[2001:db8:1:2:bbbb::1]:443",), "2001:db8:1:2::/64"), ("::ffff:192.0.2.9", (), "192.0.2.9"),
    ("", (), "unknown"),
])  # fmt: skip
def test_the_address_that_the_proxy_added_is_the_one_that_counts(
    peer: str, forwarded: tuple[str, ...], counted: str
) -> None:
    assert remote(peer, forwarded) == counted


def test_without_a_proxy_nobody_chooses_the_address_that_he_is_counted_for() -> None:
    direct, behind = LaunchLimits(), LaunchLimits(behind_proxy=True)
    for n in range(ADDRESS.burst):
        direct.admit_address("192.0.2.1", [f"198.51.100.{n}"], 0.0)
        behind.admit_address("192.0.2.1", [f"198.51.100.{n}"], 0.0)
    behind.admit_address("192.0.2.1", ["198.51.100.200"], 0.0)
    with pytest.raises(TooMany) as refused:
        direct.admit_address("192.0.2.1", ["198.51.100.200"], 0.0)
    assert refused.value.retry_after == pytest.approx(1 / ADDRESS.rate)


def test_one_ehr_s_launches_are_counted_wherever_they_come_from() -> None:
    limits = LaunchLimits()
    for _ in range(ISSUER.burst):
        limits.admit_issuer("hospital", 0.0)
    with pytest.raises(TooMany):
        limits.admit_issuer("hospital", 0.0)
    limits.admit_issuer("clinic", 0.0)
