"""What BMCs answer that is no answer, and what they have more or less of than most: no BMC needed, nothing is sent."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from reconciler.execution.drivers.blocking_pool import Loan
from reconciler.execution.drivers.ipmi import IpmiBmc
from reconciler.execution.drivers.plain import PlainBmcs
from reconciler.execution.drivers.redfish import RedfishBmc, power_of
from reconciler.execution.ports import BmcAccess
from reconciler.model.errors import TemporaryError
from reconciler.model.machine import Power

ACCESS = BmcAccess("192.0.2.11", 623, "oci", "secret")


class Here(Loan):
    """Runs what a driver would run on a thread of its own."""

    def __init__(self) -> None:
        """Nothing is lent."""

    async def run(self, call: Callable[[], Any]) -> Any:
        return call()


def over_redfish(system: object) -> RedfishBmc:
    return RedfishBmc(ACCESS, 443, None, None, Here(), None, system)


def over_ipmi(**command: Any) -> IpmiBmc:
    return IpmiBmc(ACCESS, Here(), SimpleNamespace(**command))


@pytest.mark.parametrize(
    ("said", "is_so"),
    [("On", Power.ON), ("PoweringOff", Power.ON), ("Off", Power.OFF), ("PoweringOn", Power.OFF)],
)
def test_power_that_is_on_its_way_is_not_there_yet(said: str, is_so: Power) -> None:
    assert power_of(said) is is_so


@pytest.mark.parametrize("said", [None, "Paused", "Reset", "", "on", 1, ["On"]])
async def test_a_bmc_that_does_not_say_on_or_off_over_redfish_says_neither(said: object) -> None:
    system = SimpleNamespace(refresh=lambda force: None, json={"PowerState": said}, reset_system=pytest.fail)
    for asked in (over_redfish(system).power(), over_redfish(system).set_power(Power.OFF)):
        with pytest.raises(TemporaryError, match="does not say whether the machine is on or off") as error:
            await asked
        assert ("nothing" if said is None else repr(said)) in str(error.value)


async def test_a_bmc_without_a_power_state_says_neither() -> None:
    system = SimpleNamespace(refresh=lambda force: None, json={})
    with pytest.raises(TemporaryError, match="its PowerState is nothing"):
        await over_redfish(system).power()


@pytest.mark.parametrize("said", [None, "unknown", ""])
async def test_a_bmc_that_does_not_say_on_or_off_over_ipmi_says_neither(said: object) -> None:
    bmc = over_ipmi(get_power=lambda: {"powerstate": said})
    with pytest.raises(TemporaryError, match="neither on nor off") as error:
        await bmc.power()
    assert repr(said) in str(error.value)


async def test_a_bmc_of_the_demo_that_hangs_up_says_neither() -> None:
    class Line:
        async def ask(self, text: str) -> str:
            return "ok" if text.startswith("LOGIN") else ""

        def close(self) -> None:
            """Nothing is open."""

    async def connect(address: str, port: int) -> Line:
        return Line()

    bmc = await PlainBmcs(connect).open(ACCESS)
    with pytest.raises(TemporaryError, match="does not say whether the machine is on or off"):
        await bmc.power()


async def test_a_network_that_an_ipmi_bmc_does_not_say_is_empty() -> None:
    """No such parameter, completion code 0x80: no address that somebody could take for one."""
    bmc = over_ipmi(get_network_channel=lambda: 1, raw_command=lambda netfn, command, data: {"code": 0x80})
    lan = await bmc.lan()
    assert (lan.static, lan.address, lan.netmask, lan.gateway, lan.vlan) == (False, "", "", "", None)


def managers(**beside: object) -> dict[str, dict[str, Any]]:
    """What a BMC answers, by path: its manager with its network, and another one that is as it is."""
    root = "/redfish/v1"
    bmc = f"{root}/Managers/BMC_0"
    return {
        f"{root}/": {"Managers": {"@odata.id": f"{root}/Managers"}},
        f"{root}/Managers": {"Members": [{"@odata.id": f"{root}/Managers/Fabric_0"}, {"@odata.id": bmc}]},
        f"{root}/Managers/Fabric_0": {"ManagerType": "Service", **beside},
        f"{root}/Managers/Fabric_0/Ports": {"Members": None},
        bmc: {"EthernetInterfaces": {"@odata.id": f"{bmc}/EthernetInterfaces"}},
        f"{bmc}/EthernetInterfaces": {"Members": [{"@odata.id": f"{bmc}/EthernetInterfaces/eth0"}]},
        f"{bmc}/EthernetInterfaces/eth0": {
            "IPv4Addresses": [{"Address": ACCESS.address, "AddressOrigin": "Static", "SubnetMask": "255.255.255.0"}]
        },
    }


@pytest.mark.parametrize(
    "beside",
    [
        {},
        {"EthernetInterfaces": None},
        {"EthernetInterfaces": {}},
        {"EthernetInterfaces": {"@odata.id": "/redfish/v1/Managers/Fabric_0/Ports"}},
    ],
)
async def test_a_manager_without_a_network_is_passed_over(beside: dict[str, Any]) -> None:
    known = managers(**beside)
    conn = SimpleNamespace(get=lambda path: SimpleNamespace(json=lambda: dict(known[path]), headers={}))
    bmc = over_redfish(None)
    bmc._root = SimpleNamespace(_conn=conn)
    assert (await bmc.lan()).address == ACCESS.address
