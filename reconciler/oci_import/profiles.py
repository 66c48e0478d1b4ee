"""``hardware-profiles.json`` as HardwareProfile documents."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..model.kinds import HardwareProfileSpec
from ..model.raid import FEWEST, least_members, unknown_options
from ..model.roles import facts_of
from ..model.settings import SettingsTable
from .options import profile_options
from .yaml_documents import Noted, SpecDocument, ToDecide, plain

_SYSTEM_RAID = ("install_on_raid", "raid_type", "raid_dev0", "raid_dev1", "raid_dev2", "raid_dev3")
_ALMOST_ONE_MORE = ".999999999"
_ROUNDED = "OCI rounds sizes down to whole GiB, so its upper ends reach almost to the next one."
"""Roles that OCI tells of every disk but the system's; a compute where it has OSDs."""

_CONTROLLERS = {"megacli": "megaraid", "none": "none"}


def profiles(config: Mapping[str, Any], table: SettingsTable) -> tuple[list[SpecDocument], list[str]]:
    """A document per profile, and what has no counterpart, as sentences.

    Raises:
        ValueError: A profile lacks something that OCI itself needs.
    """
    documents: list[SpecDocument] = []
    leftover: list[str] = []
    for name, profile in config.items():
        try:
            document, left = _profile(name, profile, table)
            HardwareProfileSpec.model_validate(plain(document.spec))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f'profile "{name}" cannot be read: {error!r}') from None
        documents.append(document)
        leftover += [f"profile {name}: {one}" for one in left]
    return documents, leftover


def the_rest(role: str) -> str | None:
    """What a profile says of disks that it does not name: whatever is left is for data, for a role that stores any."""
    facts = facts_of(role)
    return "use" if facts.stores_data or facts.stores_if else None


def _profile(name: str, profile: Mapping[str, Any], table: SettingsTable) -> tuple[SpecDocument, list[str]]:
    """A profile of OCI's as a document of ours, and sentences about what of it has no place there."""
    hdd = profile["hdd"]
    options = profile_options(profile.get("machine-set", ()), table)
    controller = hdd.get("controller", "none")
    leftover = list(options.leftover)
    if controller not in _CONTROLLERS:
        leftover.append(f'controller "{controller}" is not known: any controller fits now')
    layout = hdd.get("layout") or {}
    disks = [_disks(layout[key], controller) for key in sorted(layout, key=int)]
    if unused := sorted(profile.get("properties", {})):
        leftover.append(f"properties {', '.join(unused)}: OCI never used them either")
    if disks and plain(disks[0]).get("by") == "software":  # the disks say it themselves
        for setting in _SYSTEM_RAID:
            options.settings.pop(setting, None)
    spec: dict[str, Any] = {
        "role": profile["role"],
        "match": {
            "product": list(profile["product-name"]),
            "memory": {end: f"{profile['ram'][end]}GiB" for end in ("min", "max")},
            **({"raid_controller": _CONTROLLERS[controller]} if controller in _CONTROLLERS else {}),
        },
        "disks": Noted(_merged(disks), _ROUNDED) if any("size" in plain(disk) for disk in disks) else disks,
        "unlisted_disks": "refuse" if hdd.get("hdd-num-exact-match") == "yes" else the_rest(profile["role"]),
        "settings": options.settings,
        "after_puppet": [_command(command) for command in profile.get("after-puppet-controller-command", ())],
    }
    return SpecDocument("HardwareProfile", name, {key: value for key, value in spec.items() if value}), leftover


def _disks(layout: Mapping[str, Any], controller: str) -> Any:
    """One entry of ``disks``, with a comment for an operator where OCI's own words contradict themselves."""
    rule: dict[str, Any] = {}
    if "device-list" in layout:
        rule["devices"] = list(layout["device-list"])
        fewest = most = len(rule["devices"])
    else:
        rule["size"] = {"min": f"{layout['size_min']}GiB", "max": f"{layout['size_max']}{_ALMOST_ONE_MORE}GiB"}
        fewest, most = int(layout["num_min"]), int(layout["num_max"])
    rule["count"] = {"min": fewest, "max": most}
    level = int(layout["raid-type"])
    by_software, to_decide = layout.get("software-raid") == "yes", ""
    is_volume = controller != "none" and not by_software
    if most < (least_members(level, fewest) if is_volume else FEWEST[level]):
        to_decide = f"OCI's profile said RAID {level}, which cannot be built of {most}."
    else:
        if controller == "none" and not by_software and level > 0:
            to_decide = f"OCI's profile left RAID {level} to a controller that these machines do not have."
        rule["raid"] = level
        if by_software or controller == "none":
            rule["by"] = "software"
        elif given := str(layout.get("options") or "").split():
            unknown = unknown_options(given)
            if known := [option for option in given if option not in unknown]:
                rule["options"] = known
            if unknown:
                to_decide = f"OCI's profile gave the controller options that nothing here knows: {', '.join(unknown)}."
        if controller == "none" and not by_software and level == 0:
            del rule["raid"], rule["by"]  # single disks, which nobody needs to build
    return Noted(rule, ToDecide(to_decide)) if to_decide else rule


def _merged(disks: Sequence[Any]) -> list[Any]:
    """Entries, where equal ones that follow each other are one with their counts added up; the system's is its own."""
    found: list[Any] = []
    for rule in disks:
        last: Any = found[-1] if len(found) > 1 else None
        if isinstance(last, dict) and isinstance(rule, dict) and _are_alike(last, rule):
            counts = {end: last["count"][end] + rule["count"][end] for end in ("min", "max")}
            found[-1] = {**last, "count": counts}
        else:
            found.append(rule)
    return found


def _are_alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether both take single disks of the same kind."""
    single = "size" in one and one.get("raid") in (None, 0)
    return single and {**one, "count": None} == {**other, "count": None}


def _command(command: str) -> str:
    return re.sub(r"%%([A-Z_]+)%%", lambda token: "{" + token[1].lower() + "}", command)
