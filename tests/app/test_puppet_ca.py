"""The command that cleans a certificate, run as a program."""

from pathlib import Path

import pytest

from reconciler.app.config import ConfigError, load_config
from reconciler.app.puppet_ca import PuppetCa
from reconciler.model.errors import PermanentError, TemporaryError

NAME = "cl1-compute-1.example.com"


def authority(folder: Path, text: str) -> PuppetCa:
    """One whose program is this."""
    program = folder / "puppetserver"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return PuppetCa((str(program), "ca", "clean", "--certname", "{certname}"), 90)


@pytest.mark.waits
async def test_it_is_asked_for_the_node_by_name(tmp_path: Path) -> None:
    await authority(tmp_path, f'echo "$@" > {tmp_path}/asked; echo "Cleaned files related to $4"')(NAME)
    assert (tmp_path / "asked").read_text() == f"ca clean --certname {NAME}\n"


@pytest.mark.waits
async def test_its_refusal_is_told_with_its_words(tmp_path: Path) -> None:
    clean = authority(tmp_path, "echo 'Error: connection refused' >&2; exit 1")
    with pytest.raises(
        TemporaryError, match=rf"of {NAME} was not cleaned by \S+puppetserver: it ended with 1, saying:"
    ):
        await clean(NAME)


async def test_a_name_that_is_none_runs_nothing(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="is no name of a certificate"):
        await authority(tmp_path, f"touch {tmp_path}/ran")("--all")
    assert not (tmp_path / "ran").exists()


def test_a_command_that_names_no_node_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "reconciler.yaml"
    file.write_text("puppet_ca: {command: [puppetserver, ca, clean, --all]}\n")
    with pytest.raises(ConfigError, match=r"puppet_ca\.command: .*no word of it is \{certname\}"):
        load_config(file, {}, {})
