"""A virtual server is powered on through IPMI, boots over our DHCP, TFTP and HTTP, and reports to a real daemon.

``make test-lab``; on two cores without virtualisation some five minutes for each server. Logs, what came out of the
serial ports and the timelines stay in ``var/lab``.
"""

import asyncio
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from reconciler.drivers.ipmi import IpmiBmcs
from reconciler.execution.ensure import Time, boot
from reconciler.execution.ports import BmcAccess, BootDevice

from . import lab
from .lab import LAB, SWITCH, Timeline, VirtualServer

pytestmark = [pytest.mark.live, pytest.mark.timeout(1800)]
_PROTECTED = "apiVersion: reconciler/v1\nkind: Machine\nmetadata: {{name: {}}}\nspec: {{protected: true}}\n"
RUN = int(time.time()) // 10 & 0xFFFF  # so that no machine of this run was ever seen before


@pytest.fixture(scope="module", autouse=True)
def running() -> Iterator[None]:
    if os.geteuid() or {name for _, name in socket.if_nameindex()} != {"lo"}:
        pytest.skip("needs root and a network namespace of its own: make test-lab")
    with lab.network(), lab.daemon():
        yield


async def power_on(server: VirtualServer, device: BootDevice) -> None:
    """As the daemon does it, with the same driver."""
    bmcs = IpmiBmcs(sessions=1)
    bmc = await bmcs.open(BmcAccess(server.bmc.address, server.bmc.port, server.bmc.username, server.bmc.password))
    try:
        await boot(bmc, device, Time(lambda: datetime.now(UTC), asyncio.sleep), uefi=server.firmware != "bios")
    finally:
        await bmc.close()
        bmcs.close()


async def reported(timeline: Timeline) -> dict[str, object]:
    """The hardware in the server's first report."""
    serial = timeline.server.serial
    text = await timeline.until("report", lambda: lab.get(f"/v1/machines/{serial}"), 20)
    seen = json.loads(text)["known"]["seen"]
    assert seen["hardware"]["serial"] == serial
    found: dict[str, object] = seen["hardware"] | {"address": seen["address"]}
    return found


def logs_in(address: str) -> str:
    """What the machine at the address says its serial is, asked with the daemon's own key."""
    key = LAB / "provisioning-key"
    if not key.exists():
        command = ["reconciler", "--config", str(lab.CONFIG), "secrets", "show", "fleet:ssh/provisioning", "--part"]
        shown = subprocess.run([lab.sys.executable, "-m", *command, "private"], capture_output=True, check=True)
        key.touch(mode=0o600)
        key.write_bytes(shown.stdout)
    trust = ["-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oConnectTimeout=20", "-oBatchMode=yes"]
    said = subprocess.run(
        ["ssh", "-i", str(key), *trust, f"root@{address}", "dmidecode -s system-serial-number"], capture_output=True
    )
    return said.stdout.decode().strip()


async def test_a_bios_server_reports_and_later_boots_from_its_disk() -> None:
    async with VirtualServer(f"LAB{RUN:04X}A", "bios", RUN, port=1) as server:
        timeline = Timeline(server)
        await power_on(server, BootDevice.NETWORK)
        await timeline.until("kernel", lambda: "Linux version" in server.console, 5)
        hardware = await reported(timeline)
        nics = {nic["mac"]: nic for nic in hardware["nics"]}
        assert server.mac in nics
        await timeline.until("switch port", lambda: _sees_its_port(server), 5)
        assert await asyncio.to_thread(logs_in, str(hardware["address"])) == server.serial

        (LAB / "specs/protected.yaml").write_text(_PROTECTED.format(server.serial))
        asks = f"/v1/boot/ipxe?mac={server.mac}"
        await timeline.until("is to boot from its disk", lambda: "sanboot" in (lab.get(asks) or ""), 2)
        await power_on(server, BootDevice.NETWORK)
        await timeline.until("boots from its disk", lambda: "LAB: booted from its disk" in server.console, 5)


def _sees_its_port(server: VirtualServer) -> bool:
    known = json.loads(lab.get(f"/v1/machines/{server.serial}") or "null")
    ports = {nic["mac"]: (nic["switch"], nic["port"]) for nic in known["known"]["seen"]["hardware"]["nics"]}
    return bool(ports[server.mac] == (SWITCH, f"swp{server.port}"))


async def test_a_server_with_secure_boot_on_reports() -> None:
    """Firmware, shim, GRUB and kernel check each other's signatures; the kernel says that they did."""
    async with VirtualServer(f"LAB{RUN:04X}B", "secure", RUN, port=3) as server:
        timeline = Timeline(server)
        await power_on(server, BootDevice.NETWORK)
        await timeline.until("kernel", lambda: "Linux version" in server.console, 10)
        hardware = await reported(timeline)
        assert (hardware["uefi"], hardware["secure_boot"]) == (True, True)
        assert "Secure boot enabled" in server.console
