import pytest

from reconciler.model.hardware import Nic
from reconciler.provisioning import interfaces

SPEEDS = {"eno1": 1000, "eno2": 1000, "enp10s0": 25000, "enp9s0": 10000, "eth0": 100, "ib0": None}
NICS = [Nic(name, f"02:00:00:00:00:0{i}", speed) for i, (name, speed) in enumerate(SPEEDS.items())]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ((), ()),
        (("eno2",), ("eno2",)),
        (("eth0",), ("eth0",)),
        (("1g1", "1g2"), ("eno1", "eno2")),
        (("1g2", "1g1"), ("eno2", "eno1")),
        (("10g1", "10g2"), ("enp10s0", "enp9s0")),  # by name as text, and 25 Gbit/s is no less than 10
        (("25g1",), ("enp10s0",)),
        (("100m1",), ("eth0",)),
        (("ib0",), ("ib0",)),
    ],
)
def test_names_stand_for(asked: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert interfaces.resolve(asked, NICS) == expected
    assert interfaces.resolve(asked, NICS[::-1]) == expected


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (("eth1",), r'no interface "eth1" on this machine, which has eno1 \(1000 Mbit/s\), eno2 .*, ib0'),
        (("1g3",), 'no interface "1g3"'),
        (("1g0",), 'no interface "1g0"'),
        (("10g3",), 'no interface "10g3"'),
        (("40g1",), 'no interface "40g1"'),
        (("1g1", "eno1"), '"eno1" and "1g1" are both eno1'),
    ],
)
def test_what_a_machine_has_not_is_refused(asked: tuple[str, ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        interfaces.resolve(asked, NICS)


def test_a_machine_without_nics_says_so() -> None:
    with pytest.raises(ValueError, match="which has none"):
        interfaces.resolve(["10g1"], [])
