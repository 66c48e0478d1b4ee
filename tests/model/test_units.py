from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.units import (
    MissingUnitError,
    parse_address,
    parse_duration,
    parse_size,
    parse_subnet,
    render_size,
)


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("0B", 0),
        ("512B", 512),
        ("1kB", 1000),
        ("1KiB", None),
        ("1kiB", 1024),
        ("220GB", 220 * 10**9),
        ("256GiB", 256 * 2**30),
        ("256 GiB", 256 * 2**30),
        (" 256GiB ", 256 * 2**30),
        ("1.92TB", 1_920_000_000_000),
        ("0.5TiB", 2**39),
        ("2PB", 2 * 10**15),
        ("256gib", None),
        ("-1GB", None),
        ("1e3GB", None),
        ("GB", None),
        ("", None),
        ("1" * 20 + "GB", None),
        ("٢GB", None),
        (None, None),
        (True, None),
        ([1], None),
    ],
)
def test_sizes(written: object, size: int | None) -> None:
    if size is not None:
        assert parse_size(written) == size
        return
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(written)


@pytest.mark.parametrize("written", [256, 1.5, "256", "1.5", " 7 "])
def test_a_bare_number_is_told_its_unit_is_missing(written: object) -> None:
    with pytest.raises(MissingUnitError, match="a size needs a unit"):
        parse_size(written)
    with pytest.raises(MissingUnitError, match="a duration needs a unit"):
        parse_duration(written)


@pytest.mark.parametrize(
    ("written", "duration"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("2h", timedelta(hours=2)),
        ("7d", timedelta(days=7)),
        (timedelta(seconds=1), timedelta(seconds=1)),
        ("1.5h", None),
        ("90 s", None),
        ("90S", None),
        ("1001d", None),
        ("999999999d", None),
        ("soon", None),
        (None, None),
    ],
)
def test_durations(written: object, duration: timedelta | None) -> None:
    if duration is not None:
        assert parse_duration(written) == duration
        return
    with pytest.raises(ValueError, match=r"is not a duration|longer than a thousand days"):
        parse_duration(written)


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("10.0.0.0/8", None),
        ("0.0.0.0/0", None),
        ("203.0.113.9/32", None),
        ("192.168.7.77/24", 'write "192.168.7.0/24"'),
        ("192.168.7.0", "no prefix length"),
        ("192.168.7.0/33", "is not a network"),
        ("192.168.7.0/255.255.255.0", "is not a network"),
        ("999.1.1.0/24", "is not a network"),
        ("192.168.07.0/24", "is not a network"),
        ("2001:db8::/32", "is not a network"),
        ("192.168.7.0/24\n", "is not a network"),
        (12, "is not a network"),
        (None, "is not a network"),
    ],
)
def test_subnets(written: object, problem: str | None) -> None:
    if problem is None:
        assert parse_subnet(written) == IPv4Network(str(written))
        return
    with pytest.raises(ValueError, match=problem):
        parse_subnet(written)


@pytest.mark.parametrize("written", ["192.168.7", "192.168.7.256", "192.168.7.1/24", "::1", 12, b"abcd", None, ""])
def test_what_is_no_address_is_refused(written: object) -> None:
    assert parse_address("192.168.7.1") == IPv4Address("192.168.7.1")
    with pytest.raises(ValueError, match="is not an IPv4 address"):
        parse_address(written)


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0B"), (999, "999B"), (240_057_409_536, "240.06GB"), (1_920_000_000_000, "1.92TB")]
)
def test_sizes_are_shown_as_people_write_them(size: int, text: str) -> None:
    assert render_size(size) == text


@given(st.integers(0, 10**16))
def test_a_size_that_is_shown_can_be_written(size: int) -> None:
    assert abs(parse_size(render_size(size)) - size) <= size / 100
