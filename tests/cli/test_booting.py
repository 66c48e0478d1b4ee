"""``boot-files`` and ``boot-image``."""

from pathlib import Path
from typing import Any

import pytest

from reconciler.app.boot_folder import advice, lay
from reconciler.app.directory import PROVISIONING_KEY
from reconciler.model.kinds import FleetSpec
from reconciler.provisioning.boot.tree import PROGRAMS
from reconciler.store import Store
from reconciler.store.secrets.vault import load_or_create_key

from .conftest import ROOT, Cli, Laid

FLEET = FleetSpec.model_validate(
    {"provisioning": {"address": "192.168.100.2", "trusted_networks": ["192.168.100.0/24"]}}
)


def test_files_are_written_once(on: Any, tmp_path: Path) -> None:
    first = on("boot-files", "--output", tmp_path / "boot")
    assert first.status == 0
    assert f"wrote {tmp_path}/boot/dnsmasq.conf" in first.out
    assert f"tftp-root={tmp_path}/boot/tftp" in (tmp_path / "boot/dnsmasq.conf").read_text()
    again = on("boot-files", "--output", tmp_path / "boot")
    assert (again.status, again.out) == (0, "")
    assert "as they should be" in again.err


def test_programs_come_from_their_packages_or_are_asked_for(tmp_path: Path) -> None:
    root, folder = tmp_path / "root", tmp_path / "boot"
    for program in PROGRAMS[:3]:
        path = root / program.source.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"HTTP/1.1" if "shim" in program.name else b"old")
    laid = lay(FLEET, folder, root)
    assert (folder / "tftp/undionly.kpxe").read_bytes() == b"old"
    assert list(advice(laid)) == [
        "UEFI arm64 machines cannot boot from here yet: apt install shim-signed:arm64 grub-efi-arm64-signed:arm64",
        "grubx64.efi cannot ask over HTTP: UEFI amd64 machines get the live system, whatever their phase, unless they "
        "boot from disk first. grub-efi-amd64-signed of Debian 13 or newer can",
    ]
    menu = folder / "tftp/grub/grub.cfg"
    assert "menuentry 'Live system (amd64)'" in menu.read_text()
    (root / PROGRAMS[2].source.lstrip("/")).write_bytes(b"x HTTP/1.1 x")
    assert lay(FLEET, folder, root).deaf == ()
    assert "menuentry" not in menu.read_text()


@pytest.mark.waits
def test_before_there_is_a_key_no_image_fits(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database, key = f"sqlite:///{tmp_path}/new.db", tmp_path / "secret.key"
    monkeypatch.setenv("RECONCILER_SECRET_KEY_FILE", str(key))
    Store.open(database, key=load_or_create_key(key)).close()
    said = cli("--specs", ROOT / "cluster-specs", "--database", database, "boot-image", "check")
    assert (said.status, said.out) == (1, "")
    assert "no SSH key yet" in said.err


@pytest.mark.parametrize("arguments", [("--format", "json"), ("--architecture", "arm64")])
def test_an_image_is_checked(on: Any, laid: Laid, arguments: tuple[str, ...]) -> None:
    site = laid.open()
    site.certificates.mint((PROVISIONING_KEY,))
    site.close()
    said = on("boot-image", "check", *arguments)
    assert said.status == 1
    assert "there is no image in" in said.out
