"""Names of interfaces by speed and order."""

import pytest

from reconciler.model.hardware import Nic
from reconciler.model.interfaces import kernel_name


def port(name: str, speed: int | None, driver: str = "mlx5_core", firmware: str = "16.35") -> Nic:
    return Nic(name, "02:00:5e:10:00:01", speed, firmware=firmware, driver=driver)


@pytest.mark.parametrize(
    ("asked", "nics", "found"),
    [
        ("10g2", [port("enp1s0f0np0", 100_000), port("enp1s0f1np1", None)], "enp1s0f1np1"),
        ("100g2", [port("enp1s0f0np0", 100_000), port("enp1s0f1np1", None)], "enp1s0f1np1"),
        ("10g2", [port("ens3f0", 25_000), port("ens3f1", None)], "ens3f1"),
        ("10g2", [port("enp1s0f0", 10_000), port("enp2s0f0", None)], None),
        ("10g2", [port("enp1s0f0", 10_000), port("enp1s0f1", None, driver="igb")], None),
        ("10g2", [port("enp1s0f0", 10_000), port("enp1s0f1", None, firmware="7.0")], None),
        ("10g2", [port("eno1", 10_000), port("eno2", None)], None),
        ("10g3", [port("enp1s0f0", 10_000), port("enp1s0f1", 1000), port("enp1s0f2", None)], None),
        ("10g1", [port("enp1s0f0", None, driver=""), port("enp1s0f1", 10_000, driver="")], "enp1s0f1"),
    ],
)
def test_a_port_that_says_no_speed_has_that_of_its_card(asked: str, nics: list[Nic], found: str | None) -> None:
    assert kernel_name(asked, nics) == found
