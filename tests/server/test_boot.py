"""Machines that boot from the network: whom they may ask, and what they are told."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from reconciler.app.boot_nonces import BootNonces
from reconciler.app.netboot import Boots
from reconciler.hardware.report import parse_report
from reconciler.model.boot_nonce import parse_nonce
from reconciler.model.errors import TemporaryError
from reconciler.model.hardware import Dmi
from reconciler.model.history import History, Phase, Witnesses
from reconciler.model.kinds import KINDS
from reconciler.model.machine import MachineView
from reconciler.model.tree import SpecTree
from reconciler.server.serve import Server
from reconciler.store.secrets.vault import load_or_create_key

from .conftest import Client
from .worlds import LOOPBACK, NODE, STRANGER, World, body, machine_of

SERVING, NEW = machine_of(1, Phase.IN_SERVICE), machine_of(2, Phase.ENROLLED)
UNSEEN = "02:00:00:00:00:99"
LIVE, DISK, ASK_AGAIN = "boot=live", "sanboot", "chain --replace"


def mac_of(m: MachineView) -> str:
    assert m.seen is not None
    return min(m.seen.hardware.macs)


def boots(folder: Path, *machines: MachineView) -> Boots:
    return Boots(fleet("192.168.100.0/24"), machines, folder)


def fleet(trusted: str) -> SpecTree:
    given = {"provisioning": {"address": "192.168.100.2", "trusted_networks": [trusted]}}
    return SpecTree(KINDS["Fleet"].model_validate(given))


@pytest.fixture(autouse=True)
def images(world: World, tmp_path: Path) -> Iterator[Path]:
    world.boots = boots(tmp_path, SERVING, NEW)
    (tmp_path / "amd64").mkdir()
    (tmp_path / "amd64/vmlinuz").write_bytes(b"kernel" * 100_000)
    (tmp_path / "amd64/manifest.json").write_text("{}")
    yield tmp_path
    assert world.store.is_untouched
    assert world.woken == 0


@pytest.mark.parametrize("path", ["/oci/ipxe.php", "/v1/boot/ipxe"])
@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({}, ASK_AGAIN),
        ({"mac": ""}, ASK_AGAIN),
        ({"mac": mac_of(SERVING)}, DISK),
        ({"mac": mac_of(SERVING).upper().replace(":", "-")}, DISK),
        ({"serial": SERVING.serial}, DISK),
        ({"mac": UNSEEN, "serial": SERVING.serial}, DISK),
        ({"mac": mac_of(SERVING), "serial": "another that its firmware has"}, DISK),
        ({"mac": mac_of(SERVING), "serial": NEW.serial}, LIVE),
        ({"mac": mac_of(NEW)}, LIVE),
        ({"mac": UNSEEN}, LIVE),
        ({"mac": "not an address", "serial": "; reboot"}, LIVE),
    ],
)
async def test_a_machine_is_told_by_its_phase(client: Client, path: str, query: dict[str, str], told: str) -> None:
    answer = await client("192.168.100.77").get(path, params=query)
    assert answer.status_code == 200
    assert answer.text.startswith("#!ipxe\n")
    assert answer.headers["content-type"].startswith("text/plain")
    assert [word for word in (LIVE, DISK, ASK_AGAIN) if word in answer.text] == [told]


async def test_the_script_that_ipxe_makes_of_the_first_leads_to_the_second(client: Client) -> None:
    first = (await client().get("/oci/ipxe.php")).text
    uri = (
        first.split()[3]
        .replace("${netX/mac:hexhyp}", mac_of(SERVING).replace(":", "-"))
        .replace("${serial:uristring}", "A%20B")
    )
    second = await client().get(uri.replace("${buildarch}", "arm64"))
    assert DISK in second.text


async def test_arm_gets_its_own_kernel(client: Client) -> None:
    answer = await client().get("/v1/boot/ipxe", params={"mac": UNSEEN, "arch": "arm64"})
    assert "/v1/boot/images/arm64/vmlinuz" in answer.text


async def test_grub_is_told_the_same(client: Client) -> None:
    assert "Local disk" in (await client().get(f"/v1/boot/grub/{mac_of(SERVING)}")).text
    for mac in (mac_of(NEW), UNSEEN, "x;y"):
        menu = (await client().get(f"/v1/boot/grub/{mac}")).text
        assert "boot=live" in menu
        assert "Local disk" not in menu


@pytest.mark.parametrize("path", ["/oci/ipxe.php", "/v1/boot/ipxe", "/v1/boot/grub/x", "/v1/boot/images/amd64/vmlinuz"])
@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("192.168.100.77", {}, 200),
        (STRANGER, {}, 403),
        (NODE, {}, 403),
        (LOOPBACK, {}, 403),
        ("192.168.100.77", {"x_forwarded_for": "192.168.100.77"}, 403),
    ],
)
async def test_only_trusted_networks_boot_from_here(
    client: Client, path: str, address: str, headers: dict[str, str], status: int
) -> None:
    assert (await client(address, **headers).get(path)).status_code == status


async def test_without_specs_nobody_is_told_anything(client: Client, world: World) -> None:
    world.boots = None
    answer = await client().get("/oci/ipxe.php")
    assert answer.status_code == 503
    assert "retry-after" in answer.headers


async def test_images_come_whole_and_nothing_else_does(client: Client) -> None:
    answer = await client().get("/v1/boot/images/amd64/vmlinuz")
    assert answer.content == b"kernel" * 100_000
    for path in ("amd64/manifest.json", "amd64/..%2Famd64%2Fvmlinuz", "mips/vmlinuz"):
        assert (await client().get(f"/v1/boot/images/{path}")).status_code in (400, 404)
    missing = await client().get("/v1/boot/images/arm64/vmlinuz")
    assert missing.status_code == 404
    assert "boot-image build" in missing.text


async def test_grub_finds_the_length_under_the_only_spelling_it_knows(world: World) -> None:
    """As it goes over the wire: the letters' case is lost in every client's library."""
    world.boots = replace(world.boots, tree=fleet("127.0.0.0/29"))
    server = Server(world.app, [("127.0.0.1", 0)])
    ((address, port),) = await server.start()
    try:
        reader, writer = await asyncio.open_connection(address, port, local_addr=("127.0.0.2", 0))
        writer.write(
            b"GET /v1/boot/grub/52:54:00:aa:02:00 HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: GRUB 2.12\r\n\r\n"
        )
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"^Content-Length: (\d+)\r$", head, re.MULTILINE)[1])
        assert (await reader.readexactly(length)).endswith(b"fi\n")
        writer.close()
    finally:
        await server.stop()
    assert b"chunked" not in head


async def test_only_get(client: Client) -> None:
    assert (await client().post("/oci/ipxe.php")).status_code == 405


class TestNonces:
    """Each boot that is served has a nonce of its own, for our agent to return."""

    @pytest.fixture
    def nonces(self, tmp_path: Path) -> BootNonces:
        load_or_create_key(tmp_path / "secret.key")
        histories = {NEW.serial: History(Phase.ENROLLED, witnesses=Witnesses(boots=7))}
        return BootNonces(tmp_path / "secret.key", lambda: histories)

    @pytest.fixture
    def serving(self, world: World, nonces: BootNonces) -> None:
        world.boots = replace(world.boots, nonces=nonces)

    PATHS = ("/v1/boot/ipxe?mac={mac}", "/oci/ipxe.php?mac={mac}", "/v1/boot/grub/{mac}")

    @staticmethod
    async def told(client: Client, path: str, mac: str) -> list[str]:
        text = (await client().get(path.format(mac=mac))).text
        return sorted(set(re.findall(r"reconciler\.nonce=(\S+)", text)))

    @pytest.mark.usefixtures("serving")
    @pytest.mark.parametrize("path", PATHS)
    async def test_what_is_booted_live_gets_one_for_the_boot_that_it_is(
        self, client: Client, nonces: BootNonces, path: str
    ) -> None:
        [first], [second] = [await self.told(client, path, mac_of(NEW)) for _ in range(2)]
        assert first != second
        assert NEW.seen is not None
        for text in (first, second):
            nonce = parse_nonce(text)
            assert nonce.boot == 7
            assert nonces.is_genuine(nonce, NEW.seen.hardware.macs)
            assert not nonces.is_genuine(nonce, {UNSEEN})
            assert not nonces.is_genuine(nonce._replace(boot=8), NEW.seen.hardware.macs)

    @pytest.mark.usefixtures("serving")
    @pytest.mark.parametrize("path", PATHS)
    async def test_what_boots_from_its_disk_gets_none(self, client: Client, path: str) -> None:
        assert await self.told(client, path, mac_of(SERVING)) == []

    @pytest.mark.usefixtures("serving")
    async def test_what_nobody_knows_gets_one_for_its_first_boot(self, client: Client) -> None:
        [text] = await self.told(client, "/v1/boot/ipxe?mac={mac}&serial=NEW", UNSEEN)
        assert parse_nonce(text).boot == 0

    @pytest.mark.usefixtures("serving")
    async def test_a_machine_without_an_address_gets_none(self, client: Client) -> None:
        assert await self.told(client, "/v1/boot/ipxe?mac={mac}", "none") == []

    async def test_a_boot_is_served_without_one_where_the_journal_cannot_be_read(
        self, world: World, client: Client, nonces: BootNonces
    ) -> None:
        def away() -> dict[str, History]:
            raise TemporaryError("the database is away")

        world.boots = replace(world.boots, nonces=replace(nonces, histories=away))
        assert await self.told(client, "/v1/boot/ipxe?mac={mac}", mac_of(NEW)) == []
        assert LIVE in (await client().get("/v1/boot/ipxe", params={"mac": mac_of(NEW)})).text

    @pytest.mark.usefixtures("serving")
    async def test_what_the_agent_makes_of_the_command_line_is_believed(
        self, world: World, client: Client, nonces: BootNonces
    ) -> None:
        mac = min(parse_report(body()).macs)
        world.ingest.is_genuine = nonces.is_genuine
        [text] = await self.told(client, "/v1/boot/grub/{mac}", mac)
        assert (await client().post("/v1/report", content=body(returning=text))).content == b"Ok"
        assert world.store.words.pop().boot == 0
        world.store.notices.clear()  # this module's fixture looks for traces of a question
        world.woken = 0


def test_an_address_that_two_machines_reported_is_nobodys(tmp_path: Path) -> None:
    assert NEW.seen
    twin = replace(NEW, seen=SERVING.seen)
    both = boots(tmp_path, SERVING, twin)
    assert both.choice(mac_of(SERVING), None).boot == "disk"
    assert both.choice(mac_of(SERVING), twin.serial).boot == "live"
    assert both.choice(mac_of(SERVING), SERVING.serial).boot == "disk"


def sled(m: MachineView, serial: str, mac: str, system: str) -> MachineView:
    """The machine, called by this serial, with one interface and what its firmware calls its system."""
    assert m.seen is not None
    [nic, *_] = m.seen.hardware.nics
    hardware = replace(m.seen.hardware, serial=serial, nics=(replace(nic, mac=mac),), dmi=Dmi(system=system))
    return replace(m, serial=serial, seen=replace(m.seen, hardware=hardware))


ITS_OWN, OF_THE_OTHER = "3c:ec:ef:00:00:01", "3c:ec:ef:00:00:02"
ENCLOSURE, A_UUID, A_BOARD = "CHASSIS77", "4c4c4544-004b-3210-8050-b7c04f455243", "ZM17AS022911"


@pytest.mark.parametrize(
    ("called", "system", "mac", "says", "boot"),
    [
        pytest.param(A_UUID, ENCLOSURE, OF_THE_OTHER, ENCLOSURE, "disk", id="both-say-the-enclosures"),
        pytest.param(A_UUID, "", OF_THE_OTHER, ENCLOSURE, "disk", id="nobody-knows-what-it-says"),
        pytest.param(A_BOARD, ENCLOSURE, OF_THE_OTHER, ENCLOSURE, "disk", id="called-by-its-board"),
        pytest.param(A_UUID, ENCLOSURE, ITS_OWN, ENCLOSURE, "live", id="the-one-that-is-called-so"),
        pytest.param(A_UUID, ENCLOSURE, UNSEEN, ENCLOSURE, "live", id="a-third-one"),
        pytest.param(A_UUID, ENCLOSURE, None, ENCLOSURE, "live", id="no-address"),
        pytest.param(A_UUID, "OWN1234", OF_THE_OTHER, ENCLOSURE, "live", id="its-card-moved"),
        pytest.param("OWN1234", "", OF_THE_OTHER, ENCLOSURE, "live", id="its-card-moved-and-the-stock-agent-reports"),
        pytest.param("OWN1234", "OWN1234", ITS_OWN, "OWN1234", "disk", id="got-the-card-of-another"),
    ],
)
def test_a_sled_in_service_is_not_taken_for_another_that_is_called_as_all_are(
    tmp_path: Path, called: str, system: str, mac: str | None, says: str, boot: str
) -> None:
    new = sled(NEW, ENCLOSURE, ITS_OWN, ENCLOSURE)
    choice = boots(tmp_path, new, sled(SERVING, called, OF_THE_OTHER, system)).choice(mac, says)
    assert (choice.boot, choice.serial) == (boot, called if boot == "disk" else ENCLOSURE)


def test_a_choice_between_two_names_both(tmp_path: Path) -> None:
    sleds = boots(tmp_path, sled(NEW, ENCLOSURE, ITS_OWN, ""), sled(SERVING, A_UUID, OF_THE_OTHER, ""))
    because = sleds.choice(OF_THE_OTHER, ENCLOSURE).because
    assert ENCLOSURE in because and A_UUID in because


def test_a_serial_with_a_slash_is_that_of_its_machine(tmp_path: Path) -> None:
    assert boots(tmp_path, replace(SERVING, serial="S~1")).choice(UNSEEN, "S/1").boot == "disk"


def test_networks_of_the_specs_are_those_that_boot(tmp_path: Path) -> None:
    assert tuple(boots(tmp_path).trusted_networks) == (ip_network("192.168.100.0/24"),)
