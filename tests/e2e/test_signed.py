"""Approvals are signed where the daemon's configuration demands it, and a word is void once nobody asks for it."""

import asyncio
import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from .checks import assert_sound
from .world import ONE, World, only, world

TOKEN = "approvers-token"


def demanding(folder: Path) -> Mapping[str, Any]:
    """A configuration in which alice may approve, with a key in ``folder``."""
    made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "alice")]
    subprocess.run(made, check=True)
    (folder / "allowed_signers").write_text(f"alice@example.com {(folder / 'alice.pub').read_text()}")
    tokens = [{"name": "ci", "role": "approver", "sha256": hashlib.sha256(TOKEN.encode()).hexdigest()}]
    return {"approvals": {"allowed_signers": str(folder / "allowed_signers")}, "tokens": tokens}


def signed(key: Path, statement: str) -> str:
    """As a pipeline would: with OpenSSH alone."""
    command = ["ssh-keygen", "-Y", "sign", "-n", "reconciler-approval", "-f", str(key)]
    return subprocess.run(command, input=statement, capture_output=True, text=True, check=True).stdout


def holds_data(w: World) -> None:
    written = only(w).root / "written"
    written.mkdir(exist_ok=True)
    (written / "sda").write_text("LVM2_member\n")


async def test_what_is_signed_over_http_is_done_and_nothing_else_is(tmp_path: Path) -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("needs ssh-keygen (apt: openssh-client)")
    async with world(tmp_path, racks=ONE, config=demanding(tmp_path)) as w:
        server = only(w)
        holds_data(w)
        await w.started()
        await w.fleet.press_power_buttons()
        row = await w.until_row(server.serial, lambda row: "approval to erase" in row["because"])
        await w.cli("approve", server.serial, "--why", "by hand", expect=1)
        statement = (await w.ask(f"/v1/machines/{server.serial}/statement")).text
        assert "finding: sda " in statement and "consequence: erases-disks\n" in statement
        signature = await asyncio.to_thread(signed, tmp_path / "alice", statement)
        sent = {"action": "install_os", "generation": row["generation"], "why": "CHG-1"}
        path = f"{w.demo.url}/v1/machines/{server.serial}/approve"
        async with httpx.AsyncClient(headers={"authorization": f"Bearer {TOKEN}"}, timeout=60) as client:
            assert (await client.post(path, json=sent)).status_code == 409
            assert (await client.post(path, json={**sent, "covers": "0" * 32})).status_code == 409
            digest = statement.rpartition("digest: ")[2].strip()
            answer = await client.post(path, json={**sent, "covers": digest, "signature": signature})
            assert answer.status_code == 204, answer.text
        await w.until_in_service(1)
        (told,) = [event for event in w.events(server.serial) if event.kind == "approved"]
        assert told.who == "alice@example.com"
        assert server.installs == 1
        await w.daemons[-1].terminate()
        assert_sound(w)


async def test_an_approval_is_void_once_the_disk_was_cleared_by_hand(tmp_path: Path) -> None:
    async with world(tmp_path, racks=ONE) as w:
        server = only(w)
        holds_data(w)
        await w.started()
        await w.fleet.press_power_buttons()
        await w.until_row(server.serial, lambda row: "approval to erase" in row["because"])
        await w.cli("pause", "--why", "until everything is decided")
        await w.cli("approve", server.serial, "--why", "the volume group may go")
        (server.root / "written" / "sda").unlink()
        await w.cli("retry", server.serial, "--why", "wiped by hand")
        kind = "approval-void"
        await w.until("it is void", lambda: any(event.kind == kind for event in w.events(server.serial)))
        await w.cli("resume")
        await w.until_in_service(1)
        await w.daemons[-1].terminate()
        assert_sound(w)


async def test_only_what_was_signed_by_who_may_comes_into_force(tmp_path: Path) -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("needs ssh-keygen (apt: openssh-client)")
    made = demanding(tmp_path)["approvals"]["allowed_signers"]
    everything = {"paths": ["**"], "signers": ["alice@example.com"]}
    authority = {"allowed_signers": made, "rules": [everything]}
    sign = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={tmp_path / 'alice'}")

    def seal() -> str:
        words = f"Seal\n\nReconciler-Seal: {w.git('rev-parse', 'HEAD')}"
        w.git(*sign, "commit", "--quiet", "-S", "--allow-empty", "--message", words)
        return w.git("rev-parse", "HEAD")

    async def refused(commit: str) -> bool:
        fleet = await w.fleet_view()
        source = fleet["source"] if fleet else {}
        return source.get("refused") == commit and f"{commit[:12]}: it is not signed" in source["problem"]

    async with world(tmp_path, racks=ONE) as w:
        unsigned, demanding_config = w.git("rev-parse", "HEAD"), tmp_path / "authority.yaml"
        given = yaml.safe_load(w.demo.config_file.read_text())
        demanding_config.write_text(yaml.safe_dump({**given, "authority": authority}))
        await w.start(demanding_config)
        await w.until("the commit of nobody is refused", lambda: refused(unsigned))
        in_force = seal()
        await w.until_in_force(in_force)
        w.edit("clusters/swift01.yaml", "swiftstore: {count: 6", "swiftstore: {count: 5")
        unsigned = w.commit("Shrink")
        await w.until("the commit of nobody is refused", lambda: refused(unsigned))
        fleet = await w.fleet_view()
        assert (fleet["source"]["commit"], fleet["source"]["is_verified"]) == (in_force, True)
        await w.until_ready()
        assert "orders are not verified" not in (await w.ask("/readyz")).text + (await w.ask("/")).text
        await w.daemons[-1].terminate()
        sealed = seal()
        await w.start(demanding_config)
        await w.until_in_force(sealed)
        await w.daemons[-1].terminate()
        assert_sound(w)
