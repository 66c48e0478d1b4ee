"""``Repository``: an APT repository for nodes and for the live image."""

from typing import Literal

from pydantic import Field, StrictBool

from .base import Name, Strict


class RepositorySpec(Strict):
    """An APT repository. ``%%NAME%%`` in ``sources`` and ``pinning`` is replaced by the fleet's tokens on the node."""

    family: Literal["debian", "osbpo", "vendors"]
    name: str | None = Field(default=None, description="file name part; default: the document's name")
    sources: str | None = Field(default=None, description="deb822 text of the .sources file")
    key: str | None = Field(default=None, description="ASCII-armoured OpenPGP key, or none for Debian's own keyring")
    pinning: str | None = Field(default=None, description="text of the apt preferences file")
    roles: tuple[Name, ...] = Field(default=(), description="node roles that get it; none named: all")
    distributions: tuple[str, ...] = Field(default=(), description="Debian codenames it is for; none named: all")
    architectures: tuple[str, ...] = Field(default=(), description="none named: all")
    hardware_vendors: tuple[str, ...] = Field(default=(), description="system manufacturers it is for; none named: all")
    install_in_target: StrictBool = Field(default=True, description="installed nodes get it")
    install_in_live: StrictBool = Field(default=False, description="the live image gets it")
    tokens: dict[str, str] = Field(default_factory=dict, description="values for %%NAME%%; the fleet's tokens win")
    distribution_tokens: dict[str, dict[str, str]] = Field(
        default_factory=dict, description="values for %%NAME%% on one Debian codename; win over all others"
    )
    extra: dict[str, str] = Field(default_factory=dict, description="further keys for the Puppet module, as they are")
