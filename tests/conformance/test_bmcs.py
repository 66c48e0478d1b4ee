"""The suite, for the fake, for IPMI against ipmi_sim, for Redfish against sushy-tools, and for the demo's protocol."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from socket import SOCK_DGRAM
from typing import cast

import certifi
import pytest

from reconciler.execution.drivers.detect import EitherBmcs
from reconciler.execution.drivers.ipmi import IpmiBmcs
from reconciler.execution.drivers.pinned_certificates import FilePins
from reconciler.execution.drivers.plain import PlainBmc, PlainBmcs
from reconciler.execution.drivers.redfish import RedfishBmcs, fingerprint_at
from reconciler.execution.ensure import Time, boot, ensure_power
from reconciler.execution.ports import BmcAccess, BootDevice
from reconciler.model.bmc_protocol import BmcProtocol
from reconciler.model.errors import PermanentError, TemporaryError
from reconciler.model.machine import Power
from reconciler.simulator.demo import free_port
from reconciler.simulator.memory_bmc import MemoryBmc, connecting
from reconciler.simulator.wires import Wires

from ..fakes.bmc import FakeBmcs, FakeChassis
from ..fakes.clock import FakeClock
from ..waiting import LONG
from . import ipmi_sim, redfish
from .bmc import BmcConformance, BmcWorld

REAL = Time(lambda: datetime.now(UTC), asyncio.sleep)
QUICK = Time(lambda: datetime.now(UTC), lambda seconds: asyncio.sleep(min(seconds, 0.1)))
_SOURCES = {"Pxe": BootDevice.NETWORK, "Hdd": BootDevice.DISK}
_WORDS = {"network": BootDevice.NETWORK, "disk": BootDevice.DISK, "default": BootDevice.DISK}


class TestFake(BmcConformance):
    @pytest.fixture
    def world(self) -> BmcWorld:
        clock = FakeClock()
        chassis = FakeChassis(clock)
        bmcs = FakeBmcs({"192.0.2.9": chassis, "nobody": FakeChassis(clock, silent=True)})
        access = BmcAccess("192.0.2.9", 623, "oci", "secret")
        return BmcWorld(
            bmcs, access, BmcAccess("nobody", 623, "oci", "x"), clock.time, lambda: chassis.booted_from, "A001", "there"
        )


class TestIpmi(BmcConformance):
    protocol = BmcProtocol.IPMI

    @pytest.fixture
    async def world(self, tmp_path: Path) -> AsyncIterator[BmcWorld]:
        bmcs = IpmiBmcs(sessions=4)
        async with ipmi_sim.running(tmp_path / "bmc") as sim:
            access = BmcAccess(sim.address, sim.port, sim.username, sim.password)
            nobody = BmcAccess("127.0.0.1", free_port(SOCK_DGRAM), sim.username, sim.password)

            def boots() -> list[BootDevice]:
                return [_WORDS[said] for said in sim.boots()]

            yield BmcWorld(bmcs, access, nobody, REAL, boots, sim.serial, "127.0.0.3", moves=False)
        bmcs.close()


@dataclass
class _WatchedBmc(PlainBmc):
    """The demo's BMC, which remembers only the last boot, and what its machine was started from each time."""

    boots: list[BootDevice] = field(default_factory=list)

    def _obey(self, words: list[str]) -> str:
        before, answer = self.wanted(), super()._obey(words)
        commands, is_on, device = self.wanted()
        if is_on and commands != before[0]:
            self.boots.append(_WORDS[device])
        return answer


class TestSimulated(BmcConformance):
    """The protocol of the demo, which no document may name."""

    protocol = "simulated"

    @pytest.fixture
    async def world(self) -> AsyncIterator[BmcWorld]:
        bmc, bmcs = _WatchedBmc("127.0.0.1", free_port(), "oci", "secret", "A001"), PlainBmcs()
        await bmc.start()
        access = BmcAccess(bmc.address, bmc.port, bmc.username, bmc.password)
        nobody = replace(access, address="127.0.0.2")
        yield BmcWorld(bmcs, access, nobody, QUICK, lambda: bmc.boots, bmc.serial, "127.0.0.3")
        bmcs.close()
        await bmc.stop()


class _Here:
    """Tasks of a world that is this loop."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()

    def of_world(self, work: Coroutine, name: str | None = None) -> asyncio.Task:
        return self.create_task(work)

    def create_task(self, work: Coroutine, **_: object) -> asyncio.Task:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task


class TestInSimulation(BmcConformance):
    """The demo's protocol once more, on the wires of a simulation."""

    @pytest.fixture
    def world(self) -> BmcWorld:
        here, boots = _Here(), []

        async def chassis(on: bool, device: str) -> None:
            boots.extend([_WORDS[device]] if on else [])

        bmc = MemoryBmc(
            "127.0.0.1", 623, "oci", "secret", "A001",
            chassis=chassis, takes=lambda seconds: asyncio.sleep(0), begin=here.create_task, clock=lambda: 0.0,
        )  # fmt: skip
        wires = Wires(here, Random(1), lambda line: None)
        bmcs = PlainBmcs(connecting(wires, lambda address: bmc if address == bmc.address else None))
        access = BmcAccess(bmc.address, bmc.port, bmc.username, bmc.password)
        nobody = replace(access, address="127.0.0.2")
        return BmcWorld(bmcs, access, nobody, QUICK, lambda: boots, bmc.serial, "127.0.0.3")


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redfish.Emulator]:
    with redfish.running(tmp_path_factory.mktemp("redfish")) as running:
        yield running


def redfish_access(emulator: redfish.Emulator) -> BmcAccess:
    return BmcAccess(emulator.address, 623, redfish.USER, redfish.PASSWORD)


class TestRedfish(BmcConformance):
    protocol = BmcProtocol.REDFISH

    @pytest.fixture
    async def world(self, tmp_path: Path, emulator: redfish.Emulator) -> AsyncIterator[BmcWorld]:
        bmcs, access = RedfishBmcs(FilePins(tmp_path / "pins"), emulator.port, sessions=4), redfish_access(emulator)
        bmc = await bmcs.open(access)
        await ensure_power(bmc, Power.OFF, QUICK)
        await bmc.close()
        emulator.boots.clear()
        nobody = replace(access, address="127.0.0.2")

        def boots() -> list[BootDevice]:
            return [_SOURCES[source] for source in emulator.boots]

        yield BmcWorld(bmcs, access, nobody, QUICK, boots, redfish.UUID, "127.0.0.3")
        bmcs.close()

    async def test_a_certificate_that_is_not_the_pinned_one_is_refused_until_an_operator_has_looked(
        self, tmp_path: Path, emulator: redfish.Emulator
    ) -> None:
        pins = FilePins(tmp_path / "pins")
        pins.pin(f"{emulator.address}:{emulator.port}", "0" * 64)
        bmcs = RedfishBmcs(FilePins(tmp_path / "pins"), emulator.port)
        with pytest.raises(PermanentError, match="shows another certificate than it did"):
            await bmcs.open(redfish_access(emulator))
        bmcs.close()
        pins.forget(emulator.address)
        bmcs = RedfishBmcs(pins, emulator.port)
        await (await bmcs.open(redfish_access(emulator))).close()
        bmcs.close()
        shown = fingerprint_at(emulator.address, emulator.port)
        assert FilePins(tmp_path / "pins").pinned(f"{emulator.address}:{emulator.port}") == shown

    async def test_nothing_is_pinned_by_a_bmc_that_does_not_let_us_in(
        self, tmp_path: Path, emulator: redfish.Emulator
    ) -> None:
        bmcs = RedfishBmcs(pins := FilePins(tmp_path / "pins"), emulator.port)
        with pytest.raises(PermanentError):
            await bmcs.open(replace(redfish_access(emulator), password="wrong"))
        bmcs.close()
        assert pins.pinned(f"{emulator.address}:{emulator.port}") is None

    async def test_the_connection_itself_is_held_to_the_pinned_certificate(
        self, tmp_path: Path, emulator: redfish.Emulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Who stands in between only from the second connection on is noticed too."""
        monkeypatch.setattr("reconciler.execution.drivers.redfish.fingerprint_at", lambda *_: "0" * 64)
        bmcs = RedfishBmcs(FilePins(tmp_path / "pins"), emulator.port)
        with pytest.raises(TemporaryError, match="no TLS with the BMC"):
            await bmcs.open(redfish_access(emulator))
        bmcs.close()

    async def test_certificates_signed_by_a_known_authority_are_verified_instead_of_pinned(
        self, tmp_path: Path, emulator: redfish.Emulator
    ) -> None:
        access, pins = redfish_access(emulator), FilePins(tmp_path / "pins")
        good = RedfishBmcs(pins, emulator.port, authorities=emulator.folder / "cert.pem")
        await (await good.open(access)).close()
        good.close()
        assert not pins.path.exists()
        bad = RedfishBmcs(pins, emulator.port, authorities=Path(certifi.where()))
        with pytest.raises(TemporaryError, match="no TLS with the BMC"):
            await bad.open(access)
        bad.close()


async def test_a_rack_of_bmcs_on_one_port_is_asked_all_at_once(tmp_path: Path) -> None:
    bmcs, port, machines = IpmiBmcs(sessions=8), free_port(SOCK_DGRAM), 6

    async def turn_on(access: BmcAccess) -> Power:
        bmc = await bmcs.open(access)
        try:
            await boot(bmc, BootDevice.NETWORK, REAL, uefi=False)
            return await bmc.power()
        finally:
            await bmc.close()

    async with AsyncExitStack() as stack:
        sims = [
            await stack.enter_async_context(ipmi_sim.running(tmp_path / f"{i}", f"127.7.0.{i}", port))
            for i in range(1, machines + 1)
        ]
        accesses = [BmcAccess(sim.address, sim.port, sim.username, sim.password) for sim in sims]
        async with asyncio.timeout(LONG):
            assert await asyncio.gather(*(turn_on(access) for access in accesses)) == [Power.ON] * machines
        assert [sim.boots() for sim in sims] == [("network",)] * machines
    bmcs.close()


class TestEither:
    """Which protocol is spoken, against both real ends on one address."""

    @pytest.fixture
    async def both(self, tmp_path: Path, emulator: redfish.Emulator) -> AsyncIterator[tuple[EitherBmcs, BmcAccess]]:
        redfishes = RedfishBmcs(FilePins(tmp_path / "pins"), emulator.port)
        async with ipmi_sim.running(tmp_path / "bmc", serial="IPMI-1") as sim:
            sim.password = redfish.PASSWORD
            await sim.stop()
            await sim.start()
            bmcs = EitherBmcs({BmcProtocol.REDFISH: redfishes, BmcProtocol.IPMI: IpmiBmcs()}, emulator.port)
            yield bmcs, BmcAccess("127.0.0.1", sim.port, redfish.USER, redfish.PASSWORD)

    async def speaks(self, bmcs: EitherBmcs, access: BmcAccess) -> str:
        bmc = await bmcs.open(access)
        said = await bmc.identity()
        await bmc.close()
        return "ipmi" if "IPMI-1" in said.machine else "redfish"

    async def test_redfish_where_it_answers(self, both: tuple[EitherBmcs, BmcAccess]) -> None:
        assert await self.speaks(*both) == "redfish"

    async def test_ipmi_where_redfish_does_not(self, both: tuple[EitherBmcs, BmcAccess]) -> None:
        bmcs, access = both
        assert await self.speaks(replace(bmcs, redfish_port=free_port()), access) == "ipmi"
        only_ipmi = replace(bmcs, speaking={BmcProtocol.IPMI: bmcs.speaking[BmcProtocol.IPMI]})
        assert await self.speaks(only_ipmi, access) == "ipmi"

    async def test_what_the_operator_pins(self, both: tuple[EitherBmcs, BmcAccess]) -> None:
        bmcs, access = both
        assert await self.speaks(bmcs, replace(access, protocol=BmcProtocol.IPMI)) == "ipmi"

    async def test_what_is_pinned_and_not_spoken_here_is_refused_and_not_spoken_to_over_ipmi(
        self, both: tuple[EitherBmcs, BmcAccess]
    ) -> None:
        bmcs, access = both
        only_ipmi = replace(bmcs, speaking={BmcProtocol.IPMI: bmcs.speaking[BmcProtocol.IPMI]})
        for protocol in (BmcProtocol.REDFISH, cast(BmcProtocol, "some-third-kind")):
            with pytest.raises(PermanentError, match=f"over {protocol}, and this installation speaks only ipmi"):
                await only_ipmi.open(replace(access, protocol=protocol))

    async def test_it_is_remembered_while_it_works_and_asked_again_after_a_failure(
        self, both: tuple[EitherBmcs, BmcAccess]
    ) -> None:
        bmcs, access = both
        asked: list[str] = []
        bmcs.probe = lambda address, port: not asked.append(address)
        for _ in range(3):
            assert await self.speaks(bmcs, access) == "redfish"
        assert asked == ["127.0.0.1"]
        working = bmcs.speaking
        bmcs.speaking = {**working, BmcProtocol.REDFISH: RedfishBmcs(FilePins(Path("unused")), free_port())}
        with pytest.raises(TemporaryError, match="does not answer"):
            await bmcs.open(access)
        bmcs.speaking = working
        assert await self.speaks(bmcs, access) == "redfish"
        assert asked == ["127.0.0.1", "127.0.0.1"]

    async def test_another_certificate_is_not_answered_by_falling_back_to_ipmi(
        self, both: tuple[EitherBmcs, BmcAccess], emulator: redfish.Emulator
    ) -> None:
        bmcs, access = both
        over_redfish = bmcs.speaking[BmcProtocol.REDFISH]
        assert isinstance(over_redfish, RedfishBmcs)
        over_redfish.pins.pin(f"127.0.0.1:{emulator.port}", "0" * 64)
        for _ in range(2):
            with pytest.raises(PermanentError, match="another certificate"):
                await bmcs.open(access)
