"""The live image: its command line, its manifest, and what makes it out of date."""

import io
import shlex
import shutil
import subprocess
import tarfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.app import boot_image
from reconciler.model.errors import PermanentError
from reconciler.model.kinds import FleetSpec, RepositorySpec
from reconciler.provisioning.boot import live_image

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = "ssh-ed25519 AAAAC3Nz reconciler\n"
AGENT = {"reconciler-agent": b"#!/bin/sh\n", "reconciler-agent.service": b"[Unit]\n"}
FILES = {"vmlinuz": "k1", "initrd.img": "i1", "filesystem.squashfs": "s1"}


def fleet(address: str = "192.168.100.2", debian: str = "trixie", packages: tuple[str, ...] = ()) -> FleetSpec:
    provisioning = {
        "address": address,
        "trusted_networks": ["192.168.100.0/24"],
        "boot": {"packages": packages, "authorized_keys": ["ssh-ed25519 BBBB ada@example.com"]},
    }
    return FleetSpec.model_validate({"release": {"debian": debian}, "provisioning": provisioning})


DELL = RepositorySpec.model_validate(
    {
        "family": "vendors",
        "install_in_live": True,
        "sources": "Types: deb\nURIs: %%DELL_MIRROR%%/%%OS_VERSION%%\nSuites: ./\nSigned-By: /etc/apt/keyrings/x.asc\n",
        "key": "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQINBF3QL7w\n-----END PGP PUBLIC KEY BLOCK-----\n",
        "pinning": "Package: *\nPin: origin linux.dell.com\nPin-Priority: 100\n",
        "tokens": {"DELL_MIRROR": "https://linux.dell.com/repo"},
    }
)
RECIPE = live_image.recipe(fleet(), "amd64", KEY, AGENT)


def made(recipe: live_image.Recipe = RECIPE, at: datetime = NOW) -> live_image.Manifest:
    manifest = live_image.manifest(recipe, "linux-image-6.12.1-amd64\t6.12.1-1\nadduser\t3.152\n", FILES, at)
    assert live_image.parse_manifest(manifest.render()) == manifest
    return manifest


def test_the_image_is_of_the_fleets_release_and_holds_our_files() -> None:
    command = live_image.command(RECIPE, "/srv/it's here.tar", "/srv")
    assert command[-3:] == ["trixie", "-", fleet().mirrors.debian]
    packages = next(word for word in command if word.startswith("--include=")).removeprefix("--include=").split(",")
    assert {"linux-image-amd64", "live-boot", "openssh-server", "openstack-debian-images"} <= set(packages)
    hooks = [word.partition("=")[2] for word in command if word.startswith("--customize-hook=")]
    assert shlex.split(hooks[0]) == ["tar-in", "/srv/it's here.tar", "/"]
    for hook in hooks:
        assert subprocess.run(["sh", "-n", "-c", hook]).returncode == 0
    assert any("enable" in hook and "reconciler-agent" in hook for hook in hooks)
    assert any("disable openstack-cluster-installer-agent" in hook for hook in hooks)


@pytest.mark.parametrize(
    ("change", "used"),
    [
        ({}, True),
        ({"install_in_live": False}, False),
        ({"distributions": ("bookworm",)}, False),
        ({"distributions": ("trixie",), "architectures": ("amd64",)}, True),
        ({"architectures": ("arm64",)}, False),
        ({"tokens": {}}, False),
        ({"roles": ("compute",), "hardware_vendors": ("Dell Inc.",)}, True),
    ],
)
def test_repositories_for_the_live_image_are_used_with_key_and_pinning(change: dict[str, Any], used: bool) -> None:
    made = live_image.recipe(fleet(), "amd64", KEY, AGENT, {"dell": DELL.model_copy(update=change)})
    command = live_image.command(made, "o", "/srv/build")
    assert ("/srv/build/dell.sources" in command) is used
    assert (made.beside.keys() == {"dell.sources", "dell.pref"}) is used
    assert any("upload /srv/build/dell.pref /etc/apt/preferences.d/dell.pref" in word for word in command) is used
    assert (live_image.differences(live_image.manifest(RECIPE, "", FILES, NOW), made, FILES, NOW) != []) is used


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs apt-get (apt: apt)")
def test_apt_understands_them(tmp_path: Path) -> None:
    two = DELL.model_copy(update={"sources": f"{DELL.sources}\n{(DELL.sources or '').replace('./', 'extra/')}"})
    made = live_image.recipe(fleet(), "amd64", KEY, AGENT, {"dell": two})
    (tmp_path / "dell.sources").write_text(text := made.sources["dell.sources"])
    assert text.count("Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQINBF3QL7w\n") == 2
    (tmp_path / "lists" / "partial").mkdir(parents=True)
    places = {"Etc::sourcelist": "/dev/null", "Etc::sourceparts": tmp_path, "State::lists": tmp_path / "lists"}
    asked = [word for name, place in places.items() for word in ("-o", f"Dir::{name}={place}")]
    told = subprocess.run(["apt-get", "update", "--print-uris", *asked], capture_output=True, text=True, check=True)
    assert "'https://linux.dell.com/repo/trixie/./InRelease'" in told.stdout
    assert "'https://linux.dell.com/repo/trixie/extra/InRelease'" in told.stdout
    assert told.stderr == ""


def test_without_an_agent_of_ours_the_stock_one_reports() -> None:
    stock = live_image.recipe(fleet(), "arm64", KEY, {})
    assert (stock.disabled, "linux-image-arm64" in stock.packages) == ((), True)
    assert not any("disable" in word for word in live_image.command(stock, "o", "f"))


def test_our_files_have_their_modes_and_are_roots() -> None:
    with tarfile.open(fileobj=io.BytesIO(boot_image.overlay(RECIPE, NOW))) as archive:
        found = {entry.name: entry for entry in archive.getmembers()}
        keys = archive.extractfile("root/.ssh/authorized_keys")
        assert keys is not None
        assert keys.read().decode().splitlines() == [KEY.strip(), "ssh-ed25519 BBBB ada@example.com"]
    assert {(e.uid, e.gid) for e in found.values()} == {(0, 0)}
    modes = {name: found[name].mode for name in ("root/.ssh", "root/.ssh/authorized_keys", "usr/bin/reconciler-agent")}
    assert list(modes.values()) == [0o700, 0o600, 0o755]
    assert boot_image.overlay(RECIPE, NOW) == boot_image.overlay(RECIPE, NOW + timedelta(hours=1))


@pytest.mark.parametrize(
    ("wanted", "files", "age", "said"),
    [
        (RECIPE, FILES, 0, None),
        (RECIPE, FILES, 30, None),
        (RECIPE, FILES, 31, "it is 31 days old: linux-image-6.12.1-amd64 6.12.1-1 and the rest lack"),
        (live_image.recipe(fleet(debian="forky"), "amd64", KEY, AGENT), FILES, 0, "it is Debian trixie, and the fleet"),
        (live_image.recipe(fleet("192.168.100.3"), "amd64", KEY, AGENT), FILES, 0, "would report to another address"),
        (
            live_image.recipe(fleet(), "amd64", "ssh-ed25519 CCCC x", AGENT),
            FILES,
            0,
            "we could not log in with the key",
        ),
        (live_image.recipe(fleet(packages=("ipcalc",)), "amd64", KEY, AGENT), FILES, 0, "it was built without ipcalc"),
        (
            live_image.recipe(fleet(), "amd64", KEY, AGENT | {"reconciler-agent": b"#!/bin/sh\n:\n"}),
            FILES,
            0,
            "/usr/bin/reconciler-agent is another now: machines would report with another agent",
        ),
        (
            live_image.recipe(fleet(), "amd64", KEY, {}),
            FILES,
            0,
            "/usr/bin/reconciler-agent is in it, and does not belong",
        ),
        (RECIPE, FILES | {"vmlinuz": "k2"}, 0, "vmlinuz is not the file that was built"),
        (RECIPE, {"vmlinuz": "k1", "initrd.img": "i1"}, 0, "filesystem.squashfs is gone"),
    ],
)
def test_what_makes_an_image_out_of_date(
    wanted: live_image.Recipe, files: dict[str, str], age: int, said: str | None
) -> None:
    found = live_image.differences(made(), wanted, files, NOW + timedelta(days=age))
    assert (said is None) is (found == [])
    assert said is None or said in "; ".join(found)


def test_an_image_that_was_built_in_another_way_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    before = made()
    monkeypatch.setattr(live_image, "MASKED", ("apt-daily.timer",))
    assert live_image.differences(before, RECIPE, FILES, NOW) == [
        "it was built in another way than this reconciler does it"
    ]


def test_packages_that_nobody_asks_for_any_more_are_told() -> None:
    more = replace(RECIPE, packages=(*RECIPE.packages, "tcpdump-ng"))
    assert live_image.differences(made(more), RECIPE, FILES, NOW) == [
        "it was built with tcpdump-ng, which nobody asks for any more"
    ]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"suite": 1}', made().render().replace("2026-11", "soon")])
def test_a_manifest_that_cannot_be_read_is_a_reason_to_build(text: str, tmp_path: Path) -> None:
    (tmp_path / live_image.MANIFEST).write_text(text)
    assert "manifest.json is not readable" in boot_image.check(RECIPE, tmp_path, NOW).problems[0]


def test_no_image_and_no_key() -> None:
    assert "there is no image" in boot_image.check(RECIPE, Path("/nonexistent"), NOW).problems[0]
    with pytest.raises(ValueError, match="could not log in"):
        live_image.recipe(fleet(), "amd64", " \n", AGENT)


# ---- the building itself, with programs that are quicker than mmdebstrap


def stand_ins(folder: Path, monkeypatch: pytest.MonkeyPatch, **scripts: str) -> None:
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


_MAKE = """\
for word in "$@"; do
  case "$word" in *"download "*) set -- ${word#*download }; echo "made $1	1.0" > "$2" ;; esac
done
echo tarball"""


@pytest.mark.waits
def test_an_image_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two programs are stood in for: they take minutes and a mirror. ``make test-lab`` runs the real ones."""
    bin_, live = tmp_path / "bin", tmp_path / "live"
    bin_.mkdir()
    stand_ins(bin_, monkeypatch, mmdebstrap=_MAKE, sqfstar='for last; do :; done; cat > "$last"')
    boot_image.build(RECIPE, live, NOW)
    assert sorted(path.name for path in live.iterdir()) == [
        "filesystem.squashfs", "initrd.img", "manifest.json", "vmlinuz",
    ]  # fmt: skip
    assert (live / "filesystem.squashfs").read_text() == "tarball\n"
    assert boot_image.check(RECIPE, live, NOW).problems == ()
    before = (live / "vmlinuz").stat().st_ino
    for broken in ({"mmdebstrap": "echo half; exit 3"}, {"sqfstar": "exit 4"}):
        stand_ins(bin_, monkeypatch, **({"mmdebstrap": _MAKE} | broken))
        with pytest.raises(PermanentError, match="failed with exit status"):
            boot_image.build(RECIPE, live, NOW)
        assert (live / "vmlinuz").stat().st_ino == before
        assert not (live / ".building").exists()


def test_missing_programs_are_named_by_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PermanentError, match="apt install mmdebstrap squashfs-tools"):
        boot_image.build(RECIPE, tmp_path / "live", NOW)
