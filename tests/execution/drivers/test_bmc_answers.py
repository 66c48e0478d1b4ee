"""What BMCs answer that is no answer, and what they have more or less of than most: no BMC needed, nothing is sent."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import pytest
from sushy.exceptions import ServerSideError
from sushy.resources.system import system as sushy_system
from sushy.resources.system.constants import BootSourceOverrideMode

from reconciler.execution.drivers.blocking_pool import Loan
from reconciler.execution.drivers.detect import EitherBmcs
from reconciler.execution.drivers.ipmi import IpmiBmc
from reconciler.execution.drivers.plain import PlainBmcs
from reconciler.execution.drivers.redfish import RedfishBmc, own_system, power_of
from reconciler.execution.ports import BmcAccess, BmcIdentity, BootDevice, SeveralSystemsError
from reconciler.model.bmc_protocol import BmcProtocol
from reconciler.model.errors import PermanentError, TemporaryError
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
    [("On", Power.ON), ("PoweringOff", Power.STOPPING), ("Off", Power.OFF), ("PoweringOn", Power.STARTING)],
)
def test_power_that_is_on_its_way_is_neither_on_nor_off(said: str, is_so: Power) -> None:
    assert power_of(said) is is_so


@pytest.mark.parametrize("said", [None, "Paused", "Reset", "", "on", 1, ["On"]])
async def test_a_bmc_that_does_not_say_on_or_off_over_redfish_says_neither(said: object) -> None:
    system = SimpleNamespace(refresh=lambda force: None, json={"PowerState": said}, reset_system=pytest.fail)
    for asked in (over_redfish(system).power(), over_redfish(system).set_power(Power.OFF)):
        with pytest.raises(TemporaryError, match="does not say whether the machine is on or off") as error:
            await asked
        assert ("nothing" if said is None else repr(said)) in str(error.value)


class Resetting:
    """Sushy's end of a BMC that takes some resets of its system, which is in this state."""

    def __init__(self, state: str, *allowed: str) -> None:
        self._json = {
            "@odata.id": "/redfish/v1/Systems/1", "@odata.type": "#ComputerSystem.v1_5_0.ComputerSystem",
            "Id": "1", "Name": "system", "PowerState": state,
            "Actions": {"#ComputerSystem.Reset": {"target": "/reset", "ResetType@Redfish.AllowableValues": allowed}},
        }  # fmt: skip
        self.sent: list[object] = []

    def get(self, path: str = "", **_: object) -> SimpleNamespace:
        return SimpleNamespace(json=lambda: self._json, content=b"{}", status_code=200, headers={})

    def post(self, path: str = "", data: Any = None, **_: object) -> None:
        self.sent.append(data["ResetType"])


@pytest.mark.parametrize(
    ("want", "allowed", "sent"),
    [
        (Power.ON, ["On", "ForceOn", "ForceOff"], "On"),
        (Power.ON, ["ForceOn", "ForceOff", "ForceRestart", "GracefulShutdown"], "ForceOn"),
        (Power.ON, ["PushPowerButton", "ForceOff"], None),
        (Power.ON, [], "On"),
        (Power.OFF, ["On", "ForceOff", "GracefulShutdown"], "ForceOff"),
        (Power.OFF, ["On", "GracefulShutdown", "PushPowerButton"], None),
    ],
)
async def test_a_system_is_reset_in_a_way_that_its_bmc_takes(want: Power, allowed: list[str], sent: str | None) -> None:
    wire = Resetting("Off" if want is Power.ON else "On", *allowed)
    bmc = over_redfish(sushy_system.System(wire, "/redfish/v1/Systems/1", redfish_version="1.6.0"))
    if sent is None:
        with pytest.raises(TemporaryError, match=r"does not offer it over Redfish.*bmc: \{protocol: ipmi\}"):
            await bmc.set_power(want)
    else:
        await bmc.set_power(want)
    assert wire.sent == ([] if sent is None else [sent])


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


HGX, HOST, WITNESS = (f"/redfish/v1/Systems/{name}" for name in ("HGX_Baseboard_0", "1", "System.Embedded.2"))


def of_machine(*texts: str) -> BmcIdentity:
    return BmcIdentity(frozenset(texts))


def owned(access: BmcAccess = ACCESS, **numbers: str) -> BmcAccess:
    """Access to the BMC of machine M1; ``numbers``: who has which, several machines with a "+" between them."""
    having = {each: frozenset(machines.split("+")) for each, machines in numbers.items()}
    return replace(access, machine="M1", owners=lambda told: {each: having.get(each, frozenset()) for each in told})


@pytest.mark.parametrize(
    ("systems", "access", "chosen"),
    [
        ({HGX: of_machine("board"), HOST: of_machine("sku", "host")}, owned(), HOST),
        ({HGX: of_machine(), HOST: of_machine()}, owned(), HOST),
        ({HOST: of_machine("witness"), WITNESS: of_machine("m1")}, owned(), WITNESS),
        ({HOST: of_machine("host"), WITNESS: of_machine("witness")}, owned(host="M1", witness="M2"), HOST),
        ({HOST: of_machine("sku", "host"), WITNESS: of_machine("sku")}, owned(sku="M1+M2", host="M1"), HOST),
        ({HOST: of_machine("a"), WITNESS: of_machine("b")}, replace(owned(a="M1"), serial="B"), WITNESS),
    ],
)
def test_of_several_systems_the_machine_is_the_one_that_says_its_number(
    systems: dict[str, BmcIdentity], access: BmcAccess, chosen: str
) -> None:
    assert own_system(systems, access) == chosen


@pytest.mark.parametrize(
    ("systems", "access"),
    [
        ({}, owned()),
        ({HOST: of_machine("a"), WITNESS: of_machine("b")}, owned()),
        ({HOST: of_machine("a"), WITNESS: of_machine("a")}, owned(a="M1")),
        ({HOST: of_machine("a"), WITNESS: of_machine("b")}, owned(a="M1+M2", b="M2")),
        ({HOST: of_machine("0"), WITNESS: of_machine("0")}, owned()),
    ],
)
def test_of_several_systems_none_is_guessed(systems: dict[str, BmcIdentity], access: BmcAccess) -> None:
    with pytest.raises(SeveralSystemsError, match=r"bmc: \{serial: \.\.\.\}.*bmc: \{protocol: ipmi\}"):
        own_system(systems, access)


async def test_a_system_that_cannot_be_read_does_not_hide_the_others() -> None:
    def get_system(path: str) -> object:
        if path == HGX:
            raise ServerSideError("GET", path, SimpleNamespace(status_code=500, json=dict))
        return SimpleNamespace(serial_number="host", sku=None, uuid=None)

    bmc = over_redfish(None)
    bmc._root = SimpleNamespace(get_system=get_system)
    assert bmc._own_system((HGX, HOST)).serial_number == "host"


@dataclass
class Speaking:
    """A protocol of which a BMC was found to speak; or not."""

    answer: object

    async def open(self, access: BmcAccess) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def either(ipmi: object) -> EitherBmcs:
    redfish = Speaking(SeveralSystemsError("it shows 2 systems"))
    speaking = {BmcProtocol.REDFISH: redfish, BmcProtocol.IPMI: Speaking(ipmi)}
    return EitherBmcs(speaking, _found={ACCESS.address: BmcProtocol.REDFISH})


async def test_ipmi_is_spoken_where_nothing_tells_which_system_is_the_machine() -> None:
    bmcs = either("over IPMI")
    assert [await bmcs.open(ACCESS), await bmcs.open(ACCESS)] == ["over IPMI"] * 2
    with pytest.raises(SeveralSystemsError):
        await bmcs.open(replace(ACCESS, protocol=BmcProtocol.REDFISH))


@pytest.mark.parametrize("kind", [TemporaryError, PermanentError])
async def test_both_reasons_are_said_where_ipmi_fails_too(kind: type[Exception]) -> None:
    with pytest.raises(kind, match=r"it shows 2 systems\. IPMI was tried instead: no answer"):
        await either(kind("no answer")).open(ACCESS)


LEGACY, UEFI = BootSourceOverrideMode.LEGACY, BootSourceOverrideMode.UEFI


@pytest.mark.parametrize(
    ("now", "asked", "told"),
    [(LEGACY, None, None), (UEFI, None, None), (LEGACY, True, UEFI), (UEFI, False, LEGACY), (UEFI, True, None)],
)
async def test_over_redfish_the_boot_mode_is_changed_only_where_one_is_asked_for(
    now: object, asked: bool | None, told: object
) -> None:
    chosen: list[object] = []
    system = SimpleNamespace(
        boot=SimpleNamespace(mode=now), set_system_boot_options=lambda target, enabled, mode: chosen.append(mode)
    )
    await over_redfish(system).boot_next(BootDevice.DISK, uefi=asked)
    assert chosen == [told]


@pytest.mark.parametrize(("asked", "told"), [(None, True), (True, True), (False, False)])
async def test_over_ipmi_no_bios_boot_is_asked_for_because_nobody_said_uefi(asked: bool | None, told: bool) -> None:
    chosen: list[object] = []
    bmc = over_ipmi(set_bootdev=lambda device, persist, uefiboot: chosen.append(uefiboot))
    await bmc.boot_next(BootDevice.NETWORK, uefi=asked)
    assert chosen == [told]
