"""Which interfaces of a node keep their names, whatever a kernel calls them.

That udev does what the files say was seen by hand: ``udevadm test-builtin net_setup_link`` on an interface and on a
device without a permanent address that had the same one.
"""

import configparser
from dataclasses import replace

import pytest

from reconciler.model.hardware import Nic
from reconciler.provisioning.nic_names import keeps_kernels_names, link_files


def named(*nics: Nic, release: str = "trixie") -> dict[str, tuple[str, str]]:
    """Path to the address that is matched and the name that it gets."""
    found = {}
    for path, file in link_files(release, nics).items():
        read = configparser.ConfigParser()
        read.read_string(file.content.decode())
        assert {name: list(read[name]) for name in read.sections()} == {
            "Match": ["permanentmacaddress"],
            "Link": ["name"],
        }
        found[path] = read["Match"]["PermanentMACAddress"], read["Link"]["Name"]
    return found


def test_each_interface_keeps_the_name_that_it_was_reported_with() -> None:
    assert named(Nic("eno1", "24:6e:96:00:00:01"), Nic("enp130s0f1np1", "b8:3f:d2:00:00:02")) == {
        "/etc/systemd/network/10-reconciler-eno1.link": ("24:6e:96:00:00:01", "eno1"),
        "/etc/systemd/network/10-reconciler-enp130s0f1np1.link": ("b8:3f:d2:00:00:02", "enp130s0f1np1"),
    }


def test_a_port_is_known_by_the_address_that_it_was_made_with() -> None:
    """Firmware, or a profile of the chassis, may give it another, and udev matches the permanent one."""
    given = Nic("eno1", "02:11:22:33:44:55", permanent="9c:dc:71:00:00:01"), Nic("eno2", "02:11:22:33:44:56")
    assert [mac for mac, _ in named(*given).values()] == ["9c:dc:71:00:00:01", "02:11:22:33:44:56"]
    one_address = [
        replace(nic, mac="02:11:22:33:44:55", permanent=f"9c:dc:71:00:00:0{n}") for n, nic in enumerate(given)
    ]
    assert len(named(*one_address)) == 2
    assert named(*(replace(nic, permanent="9c:dc:71:00:00:01") for nic in given)) == {}


@pytest.mark.parametrize("name", ["eth0", "eth12", "usb0", "wlan1"])
def test_a_name_of_the_kernels_own_is_left_to_it(name: str) -> None:
    assert named(Nic(name, "24:6e:96:00:00:01")) == {}


def test_an_address_that_two_have_says_nothing() -> None:
    twice = Nic("eno1", "24:6e:96:00:00:01"), Nic("eno2", "24:6e:96:00:00:01"), Nic("eno3", "24:6e:96:00:00:03")
    assert [name for _, name in named(*twice).values()] == ["eno3"]


def test_a_udev_that_does_not_know_permanent_addresses_is_given_none() -> None:
    assert named(Nic("eno1", "24:6e:96:00:00:01"), release="buster") == {}


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        (["eth0"], True),
        (["eth0", "eth1", "ib0"], True),
        (["eth0", "enxa0cec8000001"], True),
        (["eth0", "eno1"], False),
        (["eno1", "eno2"], False),
        (["ib0"], False),
        ([], False),
    ],
)
def test_kernels_names_are_kept_where_no_interface_was_renamed(names: list[str], kept: bool) -> None:
    assert keeps_kernels_names(Nic(name, f"24:6e:96:00:00:0{n}") for n, name in enumerate(names)) is kept
