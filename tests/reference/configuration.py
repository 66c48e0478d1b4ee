"""The configuration that the recorded OCI had, and its files as they lie on a server of OCI."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

Sections = Mapping[str, Mapping[str, str]]


class Repository(NamedTuple):
    """A repository of packages: OCI's folder of up to four files."""

    family: str
    name: str
    conf: Sections
    sources: str | None = None
    pinning: str | None = None
    key: str | None = None

    def files(self) -> dict[str, str]:
        """Names and texts."""
        texts = {"repo.sources": self.sources, "repo.pref": self.pinning, "key.asc": self.key}
        return {"repo.conf": _ini(self.conf), **{name: text for name, text in texts.items() if text is not None}}


class Configuration(NamedTuple):
    """All that OCI is told by files."""

    conf: Sections
    hardware_profiles: Mapping[str, Any]
    auto_racking: Mapping[str, Any]
    repositories: list[Repository]

    def write(self, folder: Path) -> Path:
        """The files, as the importer takes them; returns the folder."""
        (folder / "openstack-cluster-installer.conf").write_text(_ini(self.conf))
        (folder / "hardware-profiles.json").write_text(json.dumps(self.hardware_profiles))
        (folder / "auto-racking.json").write_text(json.dumps(self.auto_racking))
        for repository in self.repositories:
            below = folder / "repos" / repository.family / repository.name
            below.mkdir(parents=True)
            for name, text in repository.files().items():
                (below / name).write_text(text)
        return folder


@cache
def recorded() -> Configuration:
    """That of the OCI which answered for the recorded clusters."""
    found = json.loads((Path(__file__).parent / "configuration.json").read_text())
    return Configuration(**found | {"repositories": [Repository(**one) for one in found["repositories"]]})


def _ini(sections: Sections) -> str:
    parts = (
        f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in rows.items()) for name, rows in sections.items()
    )
    return "# a comment, as OCI's files have them\n" + "".join(parts)
