"""The daemon's own configuration: read once, from a YAML file and the environment."""

import os
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from ..model.bmc_protocol import BmcProtocol
from ..model.errors import PermanentError
from ..model.hook import HookCommand
from ..model.kinds.base import Duration, Strict
from ..model.plan import Timings
from ..model.redaction import redact
from ..provisioning.puppet_ca import PLACE
from ..specs.authority.floor import PolicyFloor
from ..specs.authority.globs import problem_with


class ConfigError(PermanentError):
    """The configuration file or environment cannot be used; the text says why and what to do."""


class SourceConfig(Strict):
    """The git branch to follow."""

    url: str
    branch: str = "main"
    folder: str = "cluster-specs"
    poll: Duration = Field(default="30s", validate_default=True)


class ListenConfig(Strict):
    """Where the HTTP server listens."""

    address: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)


def parse_listen(text: str) -> ListenConfig:
    """``ADDRESS:PORT``, such as ``127.0.0.1:8080`` or ``[::1]:8080``.

    Raises:
        ConfigError: It is not that.
    """
    address, _, port = text.rpartition(":")
    if not address or not port.isdigit() or int(port) > 65535:
        raise ConfigError(f'"{text}" is not ADDRESS:PORT, such as "127.0.0.1:8080"')
    return ListenConfig(address=address.strip("[]"), port=int(port))


class TokenConfig(Strict):
    """Who may use the API, by the SHA-256 of a bearer token."""

    name: str
    role: Literal["viewer", "operator", "approver", "puppet"]
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class PuppetCaConfig(Strict):
    """How Puppet's certificate authority is made to forget a node before it is installed."""

    command: tuple[str, ...] = Field(
        min_length=1,
        description='words of a command without a shell, such as [ssh, puppet, puppetserver, ca, clean, --certname, "'
        f'{PLACE}"]',
    )
    timeout: Duration = Field(default="2m", validate_default=True)

    @field_validator("command")
    @classmethod
    def _names_the_node(cls, command: tuple[str, ...]) -> tuple[str, ...]:
        if not any(PLACE in word for word in command[1:]):
            raise ValueError(f"no word of it is {PLACE}: which certificate is it to clean?")
        return command


class HookConfig(Strict):
    """A program that is told of machines, by JSON on its standard input."""

    command: tuple[str, ...] = Field(min_length=1, description="program and arguments; no shell")
    timeout: Duration = Field(default="60s", validate_default=True)


class WebhookConfig(Strict):
    """A forge that tells of new commits."""

    secret_file: Path = Field(description="the secret that the forge was given, in a file that the daemon's user reads")


class ApprovalsConfig(Strict):
    """Which approvals have to be signed with an SSH key, and by whom."""

    allowed_signers: Path = Field(
        description="names of people, and their keys: ssh-keygen(1), ALLOWED SIGNERS; the daemon's user reads it"
    )
    signed: tuple[Literal["install_os", "reinstall", "release", "change_rings"], ...] = Field(
        default=("install_os", "reinstall", "release", "change_rings"), description="what has to be signed"
    )


class OrderRuleConfig(Strict):
    """Who may change some paths of the repository."""

    paths: tuple[str, ...] = Field(
        min_length=1,
        description='from the repository\'s root, such as "cluster-specs/cl1/**"; "*" and "**" as in a shell',
    )
    signers: tuple[str, ...] = Field(min_length=1, description="names that the files of keys have")
    threshold: int = Field(default=1, ge=1, description="so many of them have to sign")

    @field_validator("paths")
    @classmethod
    def _are_patterns(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        for path in paths:
            if problem := problem_with(path):
                raise ValueError(f'"{path}": {problem}')
        return paths

    @model_validator(mode="after")
    def _can_be_met(self) -> "OrderRuleConfig":
        if self.threshold > len(set(self.signers)):
            raise ValueError(f"{self.threshold} of {len(set(self.signers))} signers can never sign")
        return self


class AuthorityConfig(Strict):
    """Who may order what: commits count only where they are signed so. What no rule has, nobody may change."""

    allowed_signers: Path | None = Field(
        default=None, description="names of people, and their SSH keys: ssh-keygen(1), ALLOWED SIGNERS"
    )
    certificates: dict[str, Path] = Field(
        default={}, description="files with OpenPGP certificates, by the name of whose they are"
    )
    revoked: Path | None = Field(default=None, description="SSH keys that order nothing any more, one a line")
    rules: tuple[OrderRuleConfig, ...] = Field(min_length=1, description="of several for a path the last one holds")
    merges: tuple[str, ...] = Field(
        default=(), description="who else may sign merges that bring in nothing of their own, such as a forge"
    )

    @field_validator("allowed_signers", "certificates", "revoked")
    @classmethod
    def _lie_somewhere_else(cls, given: Path | dict[str, Path] | None) -> Path | dict[str, Path] | None:
        for path in given.values() if isinstance(given, dict) else [given]:
            if path is not None and not path.is_absolute():
                raise ValueError(f"{path}: write the whole path; a checkout is no place for keys that judge it")
        return given

    @model_validator(mode="after")
    def _has_keys(self) -> "AuthorityConfig":
        if self.allowed_signers is None and not self.certificates:
            raise ValueError("name allowed_signers (SSH keys) or certificates (OpenPGP)")
        return self


class TimingsConfig(Strict):
    """How long to wait for machines; see ``model.plan.Timings``."""

    back_off: Duration | None = None
    back_off_cap: Duration | None = None
    give_up_after: int | None = Field(default=None, ge=1)
    report_every: Duration | None = None
    live_boot: Duration | None = None
    first_boot: Duration | None = None
    puppet_silence: Duration | None = None
    gate_patience: Duration | None = None


class Config(Strict):
    """Everything the daemon needs to know that is not about clusters."""

    specs: Path = Field(default=Path("cluster-specs"), description="a directory, read as it is; unused with a source")
    source: SourceConfig | None = None
    database: str = "sqlite:///var/reconciler.db"
    state: Path = Field(default=Path("var"), description="the git mirror and the encryption key live here")
    secret_key_file: Path | None = Field(default=None, description="default: <state>/secret.key")
    boot: Path | None = Field(default=None, description="boot programs and live images; default: <state>/boot")
    listen: ListenConfig = ListenConfig()
    dashboard_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    tokens: tuple[TokenConfig, ...] = ()
    ssh_port: int = 22
    bmc_port: int = Field(default=623, description="of IPMI")
    redfish_port: int = 443
    redfish_authorities: Path | None = Field(
        default=None,
        description="PEM file of who signed the BMCs' certificates; without it, what a BMC shows first is pinned",
    )
    bmc_protocol: Literal["auto", "simulated", BmcProtocol.REDFISH, BmcProtocol.IPMI] = Field(
        default="auto", description="auto: Redfish where a BMC answers it, else IPMI; simulated: the demo's own BMCs"
    )
    bmc_poll: Duration = Field(default="5m", validate_default=True, description="how often power is looked at")
    puppet_poll: Duration = Field(
        default="10m", validate_default=True, description="how often nodes that are behind are asked for their last run"
    )
    gate_poll: Duration = Field(
        default="10m", validate_default=True, description="how often the services of each node are looked at"
    )
    gate_again: Duration = Field(
        default="10s", validate_default=True, description="until the second look at services that are not ready"
    )
    rings_poll: Duration = Field(
        default="10m", validate_default=True, description="how often nodes are asked for Swift's ring files"
    )
    install_poll: Duration = Field(default="5s", validate_default=True, description="between looks at an install")
    puppet_ca: PuppetCaConfig | None = Field(
        default=None, description="without it nobody cleans the old certificate of a node that is installed anew"
    )
    hooks: dict[str, HookConfig] = Field(default={}, description="programs that specs may name as hooks, by name")
    webhooks: dict[Literal["github", "gitlab", "gitea"], WebhookConfig] = Field(
        default={}, description="forges that may say that there is a new commit, at /v1/hooks/NAME; Forgejo is gitea"
    )
    approvals: ApprovalsConfig | None = Field(default=None, description="without it no approval has to be signed")
    authority: AuthorityConfig | None = Field(default=None, description="without it no commit has to be signed")
    floor: PolicyFloor | None = Field(default=None, description="what the policy in git cannot loosen")
    lease: Duration = Field(default="8s", validate_default=True, description="silence after which another takes over")
    timings: TimingsConfig = TimingsConfig()

    @property
    def key_file(self) -> Path:
        """Where the key lies that secrets are encrypted with."""
        return self.secret_key_file or self.state / "secret.key"

    @property
    def boot_folder(self) -> Path:
        """Where boot programs and live images lie."""
        return self.boot or self.state / "boot"

    @property
    def hook_commands(self) -> Mapping[str, HookCommand]:
        """The hooks, as they are run."""
        return {name: HookCommand(hook.command, hook.timeout.total_seconds()) for name, hook in self.hooks.items()}

    @property
    def planning_timings(self) -> Timings:
        """The timings that the planner uses."""
        return Timings(**self.timings.model_dump(exclude_none=True))


_FROM_ENVIRONMENT = {
    "RECONCILER_SPECS": "specs",
    "RECONCILER_DATABASE_URL": "database",
    "RECONCILER_STATE": "state",
    "RECONCILER_SECRET_KEY_FILE": "secret_key_file",
}


PLACES = (Path("/etc/reconciler/reconciler.yaml"), Path("reconciler.yaml"))
"""Where the configuration is looked for when nobody names it: the system's, then the current folder's."""


def find_config(given: Path | None, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The configuration file: the one named, else the first of ``PLACES`` that is there; None: there is none.

    A file that is there and may not be read counts as there: reading it then fails, and no other file takes its place.
    """
    if given is not None or "RECONCILER_CONFIG" in environ:
        return given or Path(environ["RECONCILER_CONFIG"])
    return next((place for place in PLACES if _is_there(place)), None)


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def load_config(path: Path | None, overrides: Mapping[str, object], environ: Mapping[str, str] = os.environ) -> Config:
    """The configuration: file, then environment, then the command line's options. ``path`` None: there is no file.

    Raises:
        ConfigError: The file cannot be read, or a value in it makes no sense.
    """
    found: dict[str, object] = {}
    if path is not None:
        found = _read(path)
    found |= {key: environ[name] for name, key in _FROM_ENVIRONMENT.items() if name in environ}
    if "RECONCILER_LISTEN" in environ:
        found["listen"] = parse_listen(environ["RECONCILER_LISTEN"])
    found |= {key: value for key, value in overrides.items() if value is not None}
    try:
        return Config.model_validate(found)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"{path or 'configuration'}: {problems}") from None


def _read(path: Path) -> dict[str, object]:
    try:
        found = yaml.safe_load(path.read_text())
    except PermissionError:
        raise ConfigError(
            f"{path} may not be read: run this as the daemon's user, such as: sudo -u reconciler reconciler ...; "
            "or name another configuration with --config"
        ) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"cannot read {path}: {redact(str(error))}") from None  # YAML's errors show the line
    if found is not None and not isinstance(found, dict):
        raise ConfigError(f"{path}: a mapping of settings is needed")
    return found or {}
