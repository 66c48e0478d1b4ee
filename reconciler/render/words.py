"""Steps of a plan in an operator's words, safe to print."""

import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from ..model.action_base import Risk
from ..model.actions import (
    Action,
    BeginPuppet,
    BootDisk,
    BootLive,
    BuildRings,
    ChangeBmc,
    ConfigureBmc,
    ConfigureRaid,
    Discover,
    Enroll,
    InstallOs,
    MintSecrets,
    PlaceRings,
    PowerOn,
    Release,
    RenewCertificates,
    RollOut,
    RunHook,
    RunPuppet,
    TellCluster,
    VerifyBmc,
    VerifyInstall,
    VerifyLive,
)
from ..model.plan import Act, Advance, Orphaned, Settled, Step, Wait, risk_of
from ..model.redaction import redact
from ..model.units import counted
from .rows import StepKind

MOST_SECRETS = 6
"""A controller's document names a hundred secrets; the JSON plan has them all."""

KINDS: Mapping[type[Step], StepKind] = {
    Act: "act",
    Advance: "advance",
    Wait: "wait",
    Settled: "settled",
    Orphaned: "orphaned",
}
"""Kinds of steps, as JSON, metrics and pages call them."""

_MARKS = {Risk.DESTRUCTIVE: "!", Risk.DISRUPTIVE: "~", Risk.NONE: "+"}


def printable(text: str) -> str:
    """The text on one line and without control characters: machines report what they like."""
    if text.isprintable():
        return text
    return "".join(" " if c in "\n\t" else "\N{REPLACEMENT CHARACTER}" if _is_control(c) else c for c in text)


def _is_control(character: str) -> bool:
    return unicodedata.category(character).startswith("C")


def erases(step: Step) -> bool:
    """Whether the machine's disks are erased before the step, and what follows from it, is done."""
    return isinstance(step, Act | Advance | Wait) and (step.erases or risk_of(step) is Risk.DESTRUCTIVE)


def worst_of(step: Step) -> Risk:
    """The worst that a step leads to."""
    return Risk.DESTRUCTIVE if erases(step) else risk_of(step)


def mark(step: Step) -> str:
    """``!`` leads to erased disks, ``~`` interrupts service, ``+`` does neither."""
    return _MARKS[worst_of(step)]


def because_of(step: Step) -> str:
    """Why, or what it waits for."""
    return step.on if isinstance(step, Wait) else step.because


def what(step: Act | Advance) -> str:
    """What happens, in words, and whether disks are erased later for it."""
    later = "; then its disks are erased" if step.erases and step.risk is not Risk.DESTRUCTIVE else ""
    return _what(step) + later


def _what(step: Act | Advance) -> str:
    if isinstance(step, Act):
        return describe(step.action)
    return "take it out of service, to reinstall it" if step.risk is Risk.DESTRUCTIVE else f"record it as {step.to}"


def describe(action: Action) -> str:
    """What an action does, in words, with everything it erases."""
    return WORDS[type(action)](action)


def _configure(action: ConfigureBmc) -> str:
    if action.address is None:
        return f"set its BMC's login ({action.username})"
    return f"set its BMC's login ({action.username}) and address ({_bmc_address(action)})"


def _change(action: ChangeBmc) -> str:
    password = ["password"] if action.rotate is not None else []
    address = [f"address ({_bmc_address(action)})"] if action.address is not None else []
    return f"change its BMC's {' and '.join([*password, *address])}"


def _bmc_address(action: ConfigureBmc | ChangeBmc) -> str:
    return f"{action.address}, VLAN {action.vlan}" if action.vlan else f"{action.address}"


def _mint(action: MintSecrets) -> str:
    names = [f"{owner}:{service}/{kind}" for owner, service, kind, _ in action.secrets]
    if len(names) <= MOST_SECRETS:
        return f"make secrets: {', '.join(names)}"
    return f"make {len(names)} secrets: {', '.join(names[: MOST_SECRETS - 1])} and {len(names) - MOST_SECRETS + 1} more"


def _enroll(action: Enroll) -> str:
    if not action.addresses:
        return f"enroll as {action.hostname}"
    addresses = ", ".join(action.addresses.values())
    vips = "".join(f"; {usage} VIP {address}" for _, usage, address in action.vips)
    replacing = f", in place of {action.replaces}" if action.replaces else ""
    return f"enroll as {action.hostname} ({addresses}){replacing}{vips}"


def _raid(action: ConfigureRaid) -> str:
    """The volumes by their disks, each with its serial."""
    made = [f"RAID {v.level} of {', '.join(disk.identity for disk in v.disks)}" for v in action.volumes]
    single = [f"disks {', '.join(disk.identity for disk in action.single)} one by one"] if action.single else []
    gone = [f"deleting {what} of {on}" for on, what in action.may_hold]
    return f"set up {'; '.join([*made, *single])}{''.join(f', {each}' for each in gone)}"


def _erased(action: InstallOs) -> list[str]:
    """Every disk that is erased, with what it is recognised by."""
    known = {disk.name: disk.description for disk in action.identity}
    holding = {name: f", holding {what}" for name, what in action.may_hold if what is not None}
    told = [(name, known.get(name, "") + holding.get(name, "")) for name in (*action.system_disks, *action.data_disks)]
    return [f"{name} ({text.removeprefix(', ')})" if text else name for name, text in told]


def _build_rings(action: BuildRings) -> str:
    rings, disks = ", ".join(basis.ring for basis in action.bases), {(c.ip, c.device) for c in action.changes}
    what = f"the {rings} rings of {action.cluster}, with {counted(len(disks), 'disk')} changed"
    if action.first:
        return f"build the {rings} rings of {action.cluster}, of {counted(len(disks), 'disk')}"
    return f"change {what}" if action.approved else f"work out a round of {what}"


WORDS: Mapping[type[Action], Callable[[Any], str]] = {
    Enroll: _enroll,
    MintSecrets: _mint,
    RenewCertificates: lambda a: "renew certificates: " + ", ".join(f"{o}:{s}/{k}" for o, s, k, _ in a.certificates),
    Discover: lambda a: "turn it on, from the network",
    BootLive: lambda a: "network-boot it into the live system",
    ConfigureBmc: _configure,
    ChangeBmc: _change,
    ConfigureRaid: _raid,
    InstallOs: lambda a: f"install {a.release} as {a.hostname}, erasing {', '.join(_erased(a))}",
    BootDisk: lambda a: "boot it from its disk",
    VerifyInstall: lambda a: f"ask {a.hostname} at its own address whether install {a.install} runs there",
    VerifyLive: lambda a: f"ask it over SSH whether it runs {a.hostname} or the live system",
    VerifyBmc: lambda a: "ask its BMC whether it is the machine's, and on",
    RunPuppet: lambda a: f"{'run Puppet again on' if a.again else 'see to the first Puppet run of'} {a.hostname}",
    RollOut: lambda a: f"run Puppet on {a.hostname}, with document {a.document[:12]}",
    RunHook: lambda a: f"run hook {a.hook}: {a.hostname} is {a.event}",
    TellCluster: lambda a: f"run on {a.controller_hostname}: {redact(a.command)}",
    PowerOn: lambda a: "turn it on",
    Release: lambda a: f"release {a.hostname} and its addresses",
    BeginPuppet: lambda action: "have its first boot run Puppet",
    BuildRings: _build_rings,
    PlaceRings: lambda a: f"see to {a.hostname}'s ring files: {', '.join(ring for ring, _ in a.rings)}",
}
"""Every action in words."""
