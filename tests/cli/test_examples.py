"""What is shown to operators as an example does what it says."""

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.app.config import load_config
from reconciler.cli.app import app
from reconciler.simulator.demo import Demo, next_steps

from ..specs.authority.keys import make_key
from .conftest import ROOT, Laid

SYSTEMD = ROOT / "examples/systemd"
CI = ROOT / "examples/ci"
PIPELINES = ["github.yml", "gitlab.yml", "gitea.yml"]
SIGNED = ROOT / "examples/signed"
HARDENED = [
    "NoNewPrivileges",
    "ProtectHome",
    "PrivateTmp",
    "PrivateDevices",
    "ProtectKernelModules",
    "RestrictRealtime",
]


def unit() -> configparser.SectionProxy:
    found = configparser.ConfigParser(strict=False, interpolation=None)
    found.optionxform = str
    found.read(SYSTEMD / "reconciler.service")
    return found["Service"]


def test_the_unit_is_hardened_and_ends_the_daemon_in_order() -> None:
    service = unit()
    assert all(service[name] == "yes" for name in HARDENED)
    assert (service["User"], service["ProtectSystem"], service["StateDirectoryMode"]) == (
        "reconciler",
        "strict",
        "0700",
    )
    assert service["KillMode"] == "mixed"
    assert int(service["TimeoutStopSec"]) > 20  # as long as the daemon waits for what is going on


def test_the_unit_and_the_configuration_agree_on_places() -> None:
    config = load_config(SYSTEMD / "reconciler.yaml", {}, {})
    assert unit()["Environment"] == "RECONCILER_CONFIG=/etc/reconciler/reconciler.yaml"
    state = f"/var/lib/{unit()['StateDirectory']}"
    assert (str(config.state), config.database) == (state, f"sqlite:///{state}/reconciler.db")
    assert config.listen.port < 1024
    assert "CAP_NET_BIND_SERVICE" in unit()["AmbientCapabilities"]


def steps(file: str) -> list[dict[str, Any]]:
    document = yaml.safe_load((CI / file).read_text())
    if "jobs" in document:
        found: list[dict[str, Any]] = document["jobs"]["specs"]["steps"]
        return found
    lines = [*document[".reconciler"]["before_script"], *document["validate"]["script"], *document["plan"]["script"]]
    return [{"run": line} for line in lines]


def scripts(file: str) -> list[str]:
    """What the pipeline runs of ours: what asks the daemon, validates, and plans."""
    lines = [str(step.get("run", "")) for step in steps(file)]
    asks, validates, plans = (one for one in lines if "fleet.json" in one)
    assert ("curl" in asks, "validate" in validates, "plan" in plans) == (True, True, True)
    return [asks, validates, plans]


@pytest.mark.parametrize("file", PIPELINES)
@pytest.mark.parametrize("change", [None, "growth", "shrink"])
def test_the_pipeline_runs_as_it_stands(on: Any, laid: Laid, tmp_path: Path, file: str, change: str | None) -> None:
    on("observe", "--output", tmp_path / "observed.json")
    merged_into = laid.commit()
    subprocess.run(["git", "update-ref", "refs/remotes/origin/main", "HEAD"], cwd=laid.specs, check=True)
    if change is not None:
        laid.change("swiftstore: {count: 6", f"swiftstore: {{count: {8 if change == 'growth' else 4}")
        laid.commit()
    status = 2 if change and file == "gitlab.yml" else 0
    told = f"export GITHUB_BASE_REF=main CI_MERGE_REQUEST_DIFF_BASE_SHA={merged_into}\n"
    ran = [run(told + script, laid, tmp_path) for script in scripts(file)]
    assert [done.returncode for done in ran] == [0, 0, status], [done.stderr for done in ran]
    plan = (laid.folder / "repository/plan.md").read_text()
    assert ("enroll as swift01-swiftstore-7" in plan) is (change == "growth")
    assert ("2 orphaned, and left alone" in plan) is (change == "shrink")
    assert ("No changes." in plan) is (change is None)
    if file == "github.yml":
        assert (tmp_path / "summary").read_text() == plan


@pytest.mark.parametrize("file", PIPELINES)
@pytest.mark.parametrize("token", ["token", ""])
def test_what_a_cluster_with_nodes_cannot_take_is_no_valid_change(
    on: Any, laid: Laid, tmp_path: Path, file: str, token: str
) -> None:
    """A fork has no token: the daemon is not asked, and the specs alone are valid."""
    on("observe", "--output", tmp_path / "observed.json")
    laid.change("part_power: 14", "part_power: 18")
    asks, validates, _ = scripts(file)
    if token or file == "gitlab.yml":  # the other runner skips the step
        assert run(asks, laid, tmp_path, token).returncode == 0
    validated = run(validates, laid, tmp_path, token)
    assert validated.returncode == (1 if token else 0), validated.stderr
    assert ("A cluster that has nodes keeps this" in validated.stdout) is bool(token)


@pytest.mark.lengthy
def test_signed_orders_are_played_through_as_the_example_says(tmp_path: Path) -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("needs ssh-keygen (apt: openssh-client)")
    write(tmp_path / "reconciler", f'exec {sys.executable} -m reconciler "$@"')
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([SIGNED / "try.sh"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("were ordered by who may") + done.stdout.count("was ordered by who may") == 5
    assert done.stdout.count("was not ordered by who may") == 6
    assert load_config(SIGNED / "authority.yaml", {}, {}).authority is not None


@pytest.mark.parametrize("by", ["alice", "mallory"])
def test_the_pipeline_asks_who_ordered_it(laid: Laid, tmp_path: Path, by: str) -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("needs ssh-keygen (apt: openssh-client)")
    (step,) = (str(step["run"]) for step in steps("github.yml") if "verify" in str(step.get("run", "")))
    repository = laid.folder / "repository"
    public = {name: make_key(tmp_path / name).with_suffix(".pub").read_text() for name in ("alice", "mallory")}

    def git(*words: str) -> str:
        who = (
            "-c",
            "user.name=x",
            "-c",
            "user.email=x",
            "-c",
            "gpg.format=ssh",
            "-c",
            f"user.signingKey={tmp_path / by}",
        )
        return subprocess.run(["git", *who, *words], cwd=repository, check=True, capture_output=True, text=True).stdout

    git("branch", "origin-main")
    git("commit", "--quiet", "-S", "--allow-empty", "--message", "Change")
    given = {
        "AUTHORITY": "authority:\n  allowed_signers: /tmp/allowed_signers\n"
        "  rules: [{paths: ['**'], signers: [alice]}]",
        "SIGNERS": f"alice {public['alice']}",
        "BASE": "origin-main",
        "NEWEST": git("rev-parse", "HEAD").strip(),
    }
    script = step.replace("/tmp/", f"{tmp_path}/")
    exported = "".join(f"export {name}={shlex.quote(text)}\n" for name, text in given.items())
    done = run(exported.replace("/tmp/", f"{tmp_path}/") + script, laid, tmp_path)
    assert done.returncode == (0 if by == "alice" else 1), done.stderr
    assert ("a key of nobody who may sign" in done.stdout) is (by == "mallory")


def run(script: str, laid: Laid, folder: Path, token: str = "token") -> subprocess.CompletedProcess[str]:
    """Run a step as the runner would, in the checkout, with a daemon that is a file."""
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    write(programs / "reconciler", f'exec {sys.executable} -m reconciler "$@"')
    write(
        programs / "curl", f'[ "${{@: -1}}" = https://daemon/v1/observation ] && cp {folder}/observed.json fleet.json'
    )
    env = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "URL": "https://daemon",
        "RECONCILER_URL": "https://daemon",
        "TOKEN": token,
        "RECONCILER_TOKEN": token,
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
    }
    command = ["bash", "-eo", "pipefail", "-c", script]
    return subprocess.run(command, cwd=laid.folder / "repository", env=env, capture_output=True, text=True, check=False)


def write(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(0o755)


def test_the_first_tip_of_the_demo_plans_a_change_that_nobody_has_committed(on: Any, laid: Laid) -> None:
    tips = next_steps(Demo(laid.folder, 8080), "F0000001").split("\n\n")
    first = next(tip for tip in tips if tip.startswith("  1. "))
    commands = "\n".join(line.strip() for line in first.splitlines()[1:])
    done = subprocess.run(["bash", "-ec", commands], capture_output=True, text=True, check=True)
    assert "enroll as swift01-swiftstore-7" in done.stdout
    assert "would erase 1 machine's disks" in done.stdout
    assert "enroll" not in on("plan").out  # the daemon knows nothing of it


def shown() -> list[tuple[str, str]]:
    """Every ``reconciler ...`` that a page shows within a sentence, with the page's name."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *ROOT.glob("examples/*/README.md")]
    return [
        (page.name, line) for page in pages for line in re.findall(r"`reconciler (\w[\w-]*)[^`]*`", page.read_text())
    ]


@pytest.mark.parametrize(("page", "command"), sorted(set(shown())))
def test_commands_on_pages_exist(page: str, command: str) -> None:
    assert command in {*cli_commands(), "COMMAND"}


def cli_commands() -> set[str]:
    from typer.main import get_command

    return set(get_command(app).commands)
