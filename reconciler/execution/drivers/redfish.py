"""BMCs over Redfish, through sushy: HTTPS, and always a certificate that was verified.

BMCs come with certificates that they signed themselves, for names that nobody uses. So the certificate that a BMC
shows at first sight is pinned, once it has let us in; another one is refused until an operator says "retry". Who has
his BMCs' certificates signed gives the authorities instead, and they are verified as a browser would.
"""

import re
import socket
import ssl
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol, TypeVar

import sushy
from requests.adapters import HTTPAdapter
from sushy import exceptions
from sushy.connector import Connector
from sushy.resources.system.constants import BootSourceOverrideMode

from ...model.bmc import Lan, check_password
from ...model.errors import PermanentError, TemporaryError
from ...model.machine import Power
from ...model.serials import number, numbers
from ..ports import Bmc, BmcAccess, BmcIdentity, BootDevice, SeveralSystemsError
from .blocking_pool import Lender, Loan, logged_in

T = TypeVar("T")

ROOT = "/redfish/v1/"
CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
"""A BMC that collects its inventory answers within seconds; a busy iDRAC was seen to take ten."""

_BOOT = {BootDevice.NETWORK: sushy.BootSource.PXE, BootDevice.DISK: sushy.BootSource.HDD}
_RESETS = {
    Power.ON: (sushy.ResetType.ON, sushy.ResetType.FORCE_ON),
    Power.OFF: (sushy.ResetType.FORCE_OFF,),
}
"""What turns the power on or off (Resource.json, ResetType), the best first. A BMC says which it takes, and some take
``ForceOn`` alone. ``GracefulShutdown`` asks the system, which need not listen; ``PushPowerButton`` may do either."""
_POWER = {
    "On": Power.ON, "PoweringOn": Power.STARTING, "Off": Power.OFF, "PoweringOff": Power.STOPPING,
}  # fmt: skip
"""What counts as an answer (Resource.json, PowerState)."""
_BOARD = re.compile(r"baseboard", re.IGNORECASE)
"""In the last part of its path: a system that is a board within the machine. NVIDIA calls them ``HGX_Baseboard_0``."""
_BUSY = frozenset({409, 423, 429, 503})
"""HTTP statuses of a BMC that will do it later: conflict, locked, too many requests, unavailable."""


class Pins(Protocol):
    """Remembers the certificate that a BMC showed."""

    def pinned(self, address: str) -> str | None: ...

    def pin(self, address: str, fingerprint: str) -> None: ...


@dataclass
class RedfishBmcs:
    """Opens Redfish sessions, at most one per BMC and ``sessions`` in all. ``close`` gives the threads back.

    The port is the service's own, not ``BmcAccess.port``, which is IPMI's.
    """

    pins: Pins
    port: int = 443
    authorities: Path | None = None  # PEM file; None: certificates are pinned
    sessions: int = 64
    _lender: Lender = field(init=False)

    def __post_init__(self) -> None:
        self._lender = Lender("redfish", self.sessions)

    async def open(self, access: BmcAccess) -> Bmc:
        """Log in.

        Raises:
            TemporaryError: No answer, or the BMC is busy.
            PermanentError: It refuses the user name or password, or its certificate is not the one expected.
        """
        loan = await self._lender.lend(access.address, self.port)
        return await logged_in(RedfishBmc(access, self.port, self.pins, self.authorities, loan))

    def close(self) -> None:
        """Let the threads end. Sessions are closed before."""
        self._lender.close()


@dataclass
class RedfishBmc:
    """One session with one BMC. Made by ``RedfishBmcs.open``; gives back what was lent to it when it is closed."""

    access: BmcAccess
    _port: int
    _pins: Pins
    _authorities: Path | None
    _loan: Loan
    _root: Any = None  # sushy has no types; None: not logged in
    _system: Any = None

    async def login(self) -> None:
        await self._ask("log in", self._log_in)

    async def power(self) -> Power:
        return await self._ask("read the power state", self._power)

    async def identity(self) -> BmcIdentity:
        return identity_of(self._system)  # read at login; a machine does not change its serial while we look

    async def set_power(self, want: Power) -> None:
        def change() -> None:
            if self._power() is not want:  # some answer with an error where there is nothing to do
                self._system.reset_system(reset_for(want, self._system.get_allowed_reset_system_values()))

        await self._ask(f"turn the power {want}", change)

    async def boot_next(self, device: BootDevice, *, uefi: bool | None = False) -> None:
        def choose() -> None:
            now = self._system.boot.mode
            mode = now if uefi is None else BootSourceOverrideMode.UEFI if uefi else BootSourceOverrideMode.LEGACY
            self._system.set_system_boot_options(
                target=_BOOT[device],
                enabled=sushy.BootSourceOverrideEnabled.ONCE,
                mode=None if now in (None, mode) else mode,  # many refuse the word even where it changes nothing
            )

        await self._ask("choose the boot device", choose)

    async def set_password(self, password: str) -> None:
        check_password(password)
        await self._ask("set the password", lambda: self._change(self._account(), {"Password": password}))

    async def lan(self) -> Lan:
        return await self._ask("read the network", lambda: lan_of(self._interface(), self.access.address))

    async def set_lan(self, now: Lan, wanted: Lan) -> None:
        def change() -> None:
            interface = self._interface()
            if (fingerprint := self._pins.pinned(f"{self.access.address}:{self._port}")) is not None:
                self._pins.pin(f"{wanted.address}:{self._port}", fingerprint)  # it takes its certificate along
            self._change(interface, lan_change(interface, now, wanted))

        await self._ask("set the network", change)

    async def close(self) -> None:
        """Log out and give the BMC back: it has few sessions, and keeps them for half an hour."""
        await self._loan.give_back(self._log_out)

    def _power(self) -> Power:
        self._system.refresh(force=True)
        return power_of(self._system.json.get("PowerState"))

    def _account(self) -> dict[str, Any]:
        """The account of the user whose session this is."""
        service = self._get(_link(self._get(ROOT), "AccountService"))
        for account in self._members(_link(service, "Accounts")):
            if account.get("UserName") == self.access.username:
                return account
        raise PermanentError(f"the BMC at {self.access.address} lists no account {self.access.username}")

    def _interface(self) -> dict[str, Any]:
        """The network interface that we talk to: the one that has the address; else the only one."""
        found = [
            interface
            for manager in self._members(_link(self._get(ROOT), "Managers"))
            if (interfaces := _optional_link(manager, "EthernetInterfaces")) is not None  # a switch's manager has none
            for interface in self._members(interfaces)
        ]
        ours = [one for one in found if self.access.address in _addresses(one)]
        if len(ours or found) != 1:
            raise PermanentError(
                f"the BMC at {self.access.address} has {len(found)} interfaces, and none says that it has this address"
            )
        return (ours or found)[0]

    def _members(self, collection: str) -> list[dict[str, Any]]:
        return [self._get(member["@odata.id"]) for member in self._get(collection).get("Members") or ()]

    def _get(self, path: str) -> dict[str, Any]:
        answer = self._root._conn.get(path)
        found: dict[str, Any] = answer.json()
        if etag := answer.headers.get("ETag"):
            found.setdefault("@odata.etag", etag)
        return found

    def _change(self, resource: dict[str, Any], what: dict[str, Any]) -> None:
        self._root._conn.patch(resource["@odata.id"], data=what, etag=resource.get("@odata.etag"))

    def _log_in(self) -> None:
        """Log in, and choose the system that is the machine; then pin the certificate that the BMC showed.

        Raises:
            SeveralSystemsError: Nothing tells which of several systems it is, or there is none.
        """
        fingerprint = None if self._authorities else self._shown()
        connector = Connector(
            f"https://{self.access.address}:{self._port}",
            verify=str(self._authorities) if self._authorities else False,  # False: the fingerprint is verified instead
            server_side_retries=1,  # which means that nothing is tried twice: that is the planner's to decide
            server_side_retries_delay=1,
            default_request_timeout=READ_SECONDS,
            connect_timeout=CONNECT_SECONDS,
        )
        if fingerprint is not None:
            connector._session.mount("https://", _PinnedAdapter(fingerprint))
        auth = sushy.auth.SessionOrBasicAuth(self.access.username, self.access.password)
        self._root = sushy.Sushy(connector._url, auth=auth, connector=connector)
        self._system = self._own_system(self._root.get_system_collection().members_identities)
        if fingerprint is not None:
            self._pins.pin(f"{self.access.address}:{self._port}", fingerprint)

    def _own_system(self, members: Sequence[str]) -> Any:
        """The system that is the machine; of one that cannot be read now, only its path is known."""
        if len(members) == 1:
            return self._root.get_system(members[0])
        systems = {path: self._read_system(path) for path in members}
        chosen = own_system({path: identity_of(one) for path, one in systems.items()}, self.access)
        return systems[chosen] or self._root.get_system(chosen)

    def _read_system(self, path: str) -> Any:
        try:
            return self._root.get_system(path)
        except exceptions.AccessError:
            raise
        except exceptions.HTTPError:
            return None  # a board that is off, for one: the others say enough, or it is asked for once more

    def _shown(self) -> str:
        """The fingerprint of the certificate that the BMC shows, which is the one it always had."""
        at = f"{self.access.address}:{self._port}"
        shown, known = fingerprint_at(self.access.address, self._port), self._pins.pinned(at)
        if known is not None and shown != known:
            raise PermanentError(
                f"the BMC at {at} shows another certificate than it did (SHA-256 {shown[:12]}..., was {known[:12]}...)"
                ": it was renewed, the BMC was replaced, or somebody stands in between. Look, then retry"
            )
        return shown

    def _log_out(self) -> None:
        if self._root is not None:
            self._root._auth.close()
            self._root._auth = None  # else its destructor does it again
            self._root._conn.close()

    async def _ask(self, what: str, call: Callable[[], T]) -> T:
        """Run ``call`` on a thread of the pool, and put its failure in our words."""
        at = f"the BMC at {self.access.address}:{self._port}"
        try:
            return await self._loan.run(call)
        except exceptions.AccessError as error:
            raise PermanentError(f"{at} refuses user {self.access.username}: {_said(error)}") from error
        except exceptions.HTTPError as error:
            busy = " is busy and" if error.status_code in _BUSY else ""
            raise TemporaryError(f"cannot {what}: {at}{busy} says: {_said(error)}") from error
        except (exceptions.ConnectionError, OSError) as error:
            if isinstance(error.__cause__ or error.__context__, ssl.SSLError) or "SSL" in str(error):
                raise TemporaryError(f"cannot {what}: no TLS with {at}: {_said(error)}") from error
            raise TemporaryError(f"cannot {what}: {at} does not answer") from error
        except (exceptions.InvalidParameterValueError, exceptions.MissingActionError) as error:
            raise TemporaryError(
                f"cannot {what}: {at} does not offer it over Redfish: {_said(error)}. If it never does, have IPMI "
                "spoken to it: bmc: {protocol: ipmi} in the Machine document"
            ) from error
        except exceptions.SushyError as error:
            raise TemporaryError(f"cannot {what}: {at} does not speak Redfish: {_said(error)}") from error


def identity_of(system: Any) -> BmcIdentity:
    """What a system says of itself; None: it was not read, and says nothing."""
    if system is None:
        return BmcIdentity(frozenset())
    uuid = str(system.uuid or "").lower()
    said = {str(text) for text in (system.serial_number, system.sku) if text}  # Dell's service tag is the SKU
    return BmcIdentity(frozenset(said), frozenset({uuid, "-".join(uuid.split("-")[:2])} if uuid else ()))


def own_system(systems: Mapping[str, BmcIdentity], access: BmcAccess) -> str:
    """Which of several systems is the machine: the one that says a number of it, else the only one that is no board.

    Beside the host stand boards of GPUs (``HGX_Baseboard_0``), and a second server (XR4000).

    Args:
        systems: What each of them says, by path.
        access: Knows the machine, or the number that an operator wrote.

    Raises:
        SeveralSystemsError: Nothing tells.
    """
    told = {path: numbers(said.machine | said.parts) for path, said in systems.items()}
    own = [path for path, having in told.items() if having & _own_numbers(frozenset().union(*told.values()), access)]
    hosts = [path for path in systems if not _BOARD.search(path.rstrip("/").rpartition("/")[2])]
    for found in (own, hosts):
        if len(found) == 1:
            return found[0]
    names = ", ".join(path.rstrip("/").rpartition("/")[2] for path in sorted(systems)) or "none"
    raise SeveralSystemsError(
        f"the BMC at {access.address} shows {len(systems)} systems over Redfish ({names}), and none of them alone says "
        "a number of the machine: write the one that its system says into the Machine document, bmc: {serial: ...}, "
        "or have IPMI spoken to it, bmc: {protocol: ipmi}"
    )


def _own_numbers(told: frozenset[str], access: BmcAccess) -> frozenset[str]:
    """Those among some numbers that only this machine has."""
    if access.serial is not None:
        return numbers([access.serial])
    known, own = access.owners(told), frozenset({access.machine})
    called = number(access.machine)
    return frozenset(each for each in told if (known.get(each) or (own if each == called else None)) == own)


def reset_for(want: Power, allowed: Collection[sushy.ResetType]) -> sushy.ResetType:
    """What a system is told so that its power is as wanted; where it takes nothing of that, what it should take."""
    return next((each for each in _RESETS[want] if each in allowed), _RESETS[want][0])


def power_of(said: object) -> Power:
    """Whether the machine is on, by what its BMC says as ``PowerState``.

    Raises:
        TemporaryError: It says nothing, as while it starts itself, or "Paused" or another word: nobody knows then.
    """
    if (known := _POWER.get(said) if isinstance(said, str) else None) is None:
        shown = "nothing" if said is None else repr(said)
        raise TemporaryError(f"the BMC does not say whether the machine is on or off: its PowerState is {shown}")
    return known


def _link(resource: dict[str, Any], name: str) -> str:
    if (to := _optional_link(resource, name)) is None:
        raise PermanentError(f"the BMC has no {name} in {resource.get('@odata.id', 'its answer')}")
    return to


def _optional_link(resource: dict[str, Any], name: str) -> str | None:
    """Where a link leads; None: the resource has no such link, or an empty one."""
    to = resource.get(name)
    return str(to["@odata.id"]) if isinstance(to, dict) and to.get("@odata.id") else None


def _addresses(interface: dict[str, Any]) -> list[str]:
    return [str(each.get("Address")) for each in interface.get("IPv4Addresses") or ()]


def lan_of(interface: dict[str, Any], address: str) -> Lan:
    """An ``EthernetInterface`` (DSP2046), as far as it is about the address; else about the first that it has."""
    known = interface.get("IPv4Addresses") or [{}]
    one = next((each for each in known if each.get("Address") == address), known[0])
    vlan = interface.get("VLAN") or {}
    return Lan(
        static=one.get("AddressOrigin") == "Static",
        address=str(one.get("Address") or ""),
        netmask=str(one.get("SubnetMask") or ""),
        gateway=str(one.get("Gateway") or ""),
        vlan=int(vlan["VLANId"]) if vlan.get("VLANEnable") and vlan.get("VLANId") else None,
    )


def lan_change(interface: dict[str, Any], now: Lan, wanted: Lan) -> dict[str, Any]:
    """What a PATCH of the interface says, all at once: after half of it nobody would reach it."""
    change: dict[str, Any] = {}
    if replace(now, vlan=wanted.vlan) != wanted:
        static = {"Address": wanted.address, "SubnetMask": wanted.netmask}
        field = "IPv4StaticAddresses" if "IPv4StaticAddresses" in interface else "IPv4Addresses"  # before 1.4.0
        change[field] = [static | ({"Gateway": wanted.gateway} if wanted.gateway else {})]
        if "DHCPv4" in interface:
            change["DHCPv4"] = {"DHCPEnabled": False}
        elif field == "IPv4Addresses":
            change[field][0]["AddressOrigin"] = "Static"
    if now.vlan != wanted.vlan:
        change["VLAN"] = {"VLANEnable": True, "VLANId": wanted.vlan} if wanted.vlan else {"VLANEnable": False}
    return change


class _PinnedAdapter(HTTPAdapter):
    """Connects to whoever shows the certificate with this fingerprint, and to nobody else."""

    def __init__(self, fingerprint: str) -> None:
        self._fingerprint = fingerprint
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, assert_fingerprint=self._fingerprint, **kwargs)


def fingerprint_at(address: str, port: int) -> str:
    """SHA-256 of the certificate that a server shows, in hexadecimal. Nothing is sent to it.

    Raises:
        OSError: Nobody answers, or not with TLS.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it is only looked at
    with (
        socket.create_connection((address, port), CONNECT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=None) as secure,
    ):
        shown = secure.getpeercert(binary_form=True)
    if not shown:
        raise OSError(f"{address}:{port} shows no certificate")
    return sha256(shown).hexdigest()


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
