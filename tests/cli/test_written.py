"""Commands that write files: schemas, and signatures of the Puppet module."""

import json
import re
from pathlib import Path

import pytest

from .conftest import ROOT, Cli

MANIFEST = """
# A comment with class oci::no(
class oci::swiftstore(
  $machine_hostname = undef,
  $zoneid,
  $size = 3,
) { }
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    (tmp_path / "module/manifests").mkdir(parents=True)
    (tmp_path / "module/manifests/swiftstore.pp").write_text(MANIFEST)
    return tmp_path / "module"


def test_schemas_are_written_as_they_are_checked_in(cli: Cli) -> None:
    said = cli("schema", "--output", "out")
    assert said.status == 0
    written = list(Path("out").rglob("*.json"))
    assert len(written) > 10
    for path in written:
        assert path.read_text() == (ROOT / "schemas" / path.relative_to("out")).read_text(), path
    again = cli("schema", "--output", "out")
    assert (again.out, "are as they should be" in again.err) == ("", True)


def test_make_schemas_writes_all_that_its_help_says(cli: Cli) -> None:
    """Every file of ``schemas/``, and the pages: where one is stale, or is not there."""
    makefile = (ROOT / "Makefile").read_text()
    rule = re.search(r"^schemas:.*?## (.*)\n\t\$\(BIN\)/reconciler (.*)$", makefile, re.MULTILINE)
    assert rule, "the Makefile has no rule for schemas that calls the command"
    assert rule[1] == "write the generated files: schemas/, and the pages of settings, reasons and roles in docs/"
    pages = [Path("docs/settings.md"), Path("docs/reasons.md"), Path("docs/roles.md")]
    pages[0].parent.mkdir()
    pages[0].write_text("stale")
    assert cli(*rule[2].split()).status == 0
    assert all(page.read_text() == (ROOT / page).read_text() for page in pages)
    for below in ("", "puppet"):  # which is a link, in the repository
        kept = {path.name for path in (ROOT / "schemas" / below).glob("*.json")}
        assert {path.name for path in (Path("schemas") / below).glob("*.json")} == kept


@pytest.mark.parametrize("below", [".", "manifests"])
@pytest.mark.parametrize(
    ("file", "text", "arguments", "version"),
    [
        ("metadata.json", '{"name": "oci", "version": "44.1.0"}', (), "44.1.0"),
        ("debian/changelog", "puppet-module-oci (1:44.2.0-1) unstable; urgency=medium\n", (), "44.2.0"),
        ("metadata.json", '{"version": "44.1.0"}', ("--version", "45.0"), "45.0"),
        ("README", "", ("--version", "45.0"), "45.0"),
    ],
)
def test_signatures_are_written_under_the_modules_version(
    cli: Cli, module: Path, below: str, file: str, text: str, arguments: tuple[str, ...], version: str
) -> None:
    (module / file).parent.mkdir(exist_ok=True)
    (module / file).write_text(text)
    said = cli("signatures", module / below, *arguments)
    assert said.out == f"wrote schemas/puppet/{version}.json (1 classes)\n"
    assert json.loads(Path(f"schemas/puppet/{version}.json").read_text())["oci::swiftstore"] == {
        "machine_hostname": {"default": "undef", "mandatory": False},
        "size": {"default": "3", "mandatory": False},
        "zoneid": {"default": None, "mandatory": True},
    }
    assert cli("signatures", module / below, *arguments).out.startswith("unchanged: ")


@pytest.mark.parametrize(
    ("files", "arguments", "said"),
    [
        ({}, ("--version", "1"), "no Puppet class in"),
        ({"manifests/a.pp": MANIFEST}, (), "has no metadata.json that tells the module's version"),
        (
            {"manifests/a.pp": MANIFEST, "metadata.json": "{"},
            (),
            "has no metadata.json that tells the module's version",
        ),
        ({"manifests/a.pp": MANIFEST}, ("--version", "../../x"), '"../../x" is not a version'),
    ],
)
def test_a_folder_that_is_no_module_is_wrong_usage(
    cli: Cli, tmp_path: Path, files: dict[str, str], arguments: tuple[str, ...], said: str
) -> None:
    for name, text in files.items():
        (tmp_path / "module" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "module" / name).write_text(text)
    (tmp_path / "module").mkdir(exist_ok=True)
    found = cli("signatures", tmp_path / "module", *arguments)
    assert (found.status, said in found.err) == (64, True)
    assert not any(Path().iterdir())
