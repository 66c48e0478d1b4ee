"""Our documents compiled to catalogs by a real Puppet, with the modules that Debian ships."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any, NamedTuple

import pytest
import yaml

from .node_facts import node_facts, puppet_conf
from .puppet_modules import Modules, puppet_modules

HERE = Path(__file__).parent

EVERY_NODE = os.environ.get("PUPPET_NODES") == "all"
"""Whether to compile what there is instead of one node of each kind; ``make test-puppet`` asks for it."""


@dataclass(frozen=True)
class Broken:
    """A feature that Debian 13's modules cannot compile, whoever wrote the document."""

    message: str  # what Puppet says, as a regular expression
    switch: str  # the parameter that turns the feature off
    because: str
    on: str = "true"
    off: str = "false"


BROKEN = (
    Broken(
        r"Unknown function: 'validate_integer'\. \(file: \S+/etcd/manifests/init\.pp",
        "install_magnum",
        "Magnum brings etcd, whose module is for stdlib 4: Debian 13 has 9.4.1, without the functions that it calls",
    ),
    Broken(
        r"Unknown resource type: '::manila::service_instance' \(file: \S+/oci/manifests/controller\.pp",
        "install_manila",
        "Debian 13's Manila module has manila::backend::service_instance; oci 43.0.10 has not heard of it, 43.0.45 has",
    ),
    Broken(
        r"no parameter named 'provider' \(file: \S+/oci/manifests/controller_iptables\.pp.* on Firewall\[",
        "api_use_ipv6",
        "the firewall module has protocol in place of provider since version 8; oci 43.0.10 and 43.0.45 give provider",
    ),
    Broken(
        r"Unknown variable: 'disable_encryption'\. \(file: \S+/oci/manifests/swiftproxy\.pp",
        "swift_disable_encryption",
        "the class sets the variable only where nothing is encrypted; compiles with strict_variables = false",
        on='"no"',
        off='"yes"',
    ),
)

NEVER_COMPILES = {
    "debmirror": r"Class\[Archvsync\]: .*has no parameter named 'to'",
    "tempest": r"deprecation\. validate_legacy\..*/rally/manifests/db/mysql\.pp",  # compiles with strict = warning
}
"""Roles that Debian 13's modules cannot compile at all, with what Puppet says: they are written for other versions."""


class Resource(NamedTuple):
    """One resource of a catalog."""

    type: str
    title: str
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Catalog:
    """What Puppet made of a node's document."""

    resources: tuple[Resource, ...]

    def of_type(self, name: str) -> Iterator[Resource]:
        return (one for one in self.resources if one.type == name)

    def packages(self) -> list[str]:
        """The Debian packages that the node gets, by name."""
        given = {one.parameters.get("name", one.title): one.parameters for one in self.of_type("Package")}
        wanted = {
            name
            for name, told in given.items()
            if told.get("ensure") not in ("absent", "purged") and told.get("provider") in (None, "apt")
        }
        return sorted(wanted)

    def files(self) -> dict[str, str]:
        """Texts that the node's files get, by path: whole, in fragments, or as copies of such files."""
        whole = {one.parameters.get("path", one.title): one.parameters for one in self.of_type("File")}
        found = {path: given["content"] for path, given in whole.items() if isinstance(given.get("content"), str)}
        found |= {one.parameters.get("path", one.title): self._joined(one) for one in self.of_type("Concat_file")}
        return found | {path: found[given["source"]] for path, given in whole.items() if given.get("source") in found}

    def _joined(self, file: Resource) -> str:
        """As the module's type ``concat_file`` joins fragments: by order, then by name."""
        numeric = file.parameters.get("order", "numeric") == "numeric"

        def place(fragment: Resource) -> tuple[int | str, str]:
            order = str(fragment.parameters.get("order", "10"))
            return int(order) if numeric else order, fragment.title

        own = (one for one in self.of_type("Concat_fragment") if one.parameters["target"] == file.title)
        end = "\n" if file.parameters.get("ensure_newline") else ""
        texts = (one.parameters.get("content") or "" for one in sorted(own, key=place))
        return "".join(text if text.endswith(end) else text + end for text in texts)


class Puppet:
    """The compiler, with a folder for its work. Use as a context manager: it is a process that stays."""

    def __init__(self, modules: Modules, folder: Path, limit: float = 500) -> None:
        """Start it. ``limit``: seconds that a catalog may take, of which most take one or two."""
        self.modules, self._folder, self._limit = modules, folder, limit
        self._configuration = puppet_conf()
        self._compiler = subprocess.Popen(
            ["ruby", HERE / "compile.rb", self.modules.folder],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"RUBYLIB": self.modules.ruby},
        )  # fmt: skip

    def __enter__(self) -> "Puppet":
        return self

    def __exit__(self, *_: object) -> None:
        self._compiler.communicate()  # nothing more to do ends it

    def compile(self, hostname: str, role: str, document: bytes, configuration: str | None = None) -> Catalog:
        """The node's catalog, apart from what the modules cannot do; the test fails where there is none.

        Args:
            configuration: The node's ``puppet.conf``; None for what an install leaves there.
        """
        text, left_out = document.decode(), set[str]()
        configuration = configuration or self._configuration
        while (wrong := self._try(hostname, role, text, configuration)) is not None:
            if role in NEVER_COMPILES and re.search(NEVER_COMPILES[role], wrong):
                return Catalog(())
            found = next((one for one in BROKEN if re.search(one.message, wrong)), None)
            assert found is not None, f"{hostname}: {wrong}"
            assert found.switch not in left_out, f"{hostname} without {found.switch}: {wrong}"
            left_out.add(found.switch)
            text = _off(text, found)
        return Catalog(tuple(Resource(*one) for one in json.loads(self._answer(hostname).read_text())))

    def _answer(self, hostname: str) -> Path:
        return self._folder / f"{hostname}.json"

    def _try(self, hostname: str, role: str, text: str, configuration: str) -> str | None:
        """What Puppet says is wrong; None when there is a catalog."""
        document, facts = self._folder / f"{hostname}.yaml", self._folder / f"{hostname}.facts"
        document.write_text(text)
        facts.write_text(yaml.safe_dump(node_facts(hostname, role, text, configuration)))
        assert self._compiler.stdin is not None
        assert self._compiler.stdout is not None
        print(
            json.dumps([str(document), str(facts), hostname, str(self._answer(hostname))]),
            file=self._compiler.stdin,
            flush=True,
        )
        patience = Timer(self._limit, self._compiler.kill)
        patience.start()
        answer = self._compiler.stdout.readline()
        patience.cancel()
        given_up = f"a catalog that takes {self._limit} s is given up"
        assert answer, f"{hostname}: the compiler ended with {self._compiler.wait()}; {given_up}"
        wrong: str | None
        (wrong,) = json.loads(answer)
        return wrong


@contextmanager
def puppet_in(folder: Path) -> Iterator[Puppet]:
    """The compiler, ready; skips the test where it cannot be had."""
    missing = [name for name in ("puppet", "ruby", "apt-get", "dpkg") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)} (apt: puppet ruby)")
    try:
        modules = puppet_modules()
    except LookupError as error:
        pytest.skip(f"needs the Puppet modules of Debian 13 from the mirror that APT uses: {error}")
    with Puppet(modules, folder) as puppet:
        yield puppet


def _off(text: str, broken: Broken) -> str:
    text, count = re.subn(rf"(?m)^    {broken.switch}: {broken.on}$", f"    {broken.switch}: {broken.off}", text)
    assert count == 1, f"{broken.switch} is not turned on {count} times"
    return text
