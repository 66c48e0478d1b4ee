"""Hardware profiles and racking: rules that could never hold."""

import re
from collections.abc import Iterator

from ...model.diagnostics import Diagnostic
from ...model.in_force import Place, written_at
from ...model.installable import MIRRORED
from ...model.kinds import PLACEHOLDERS, DiskRule, NumberRange, SizeRange
from ...model.patterns import groups_of, pattern_problem
from ...model.raid import FEWEST, OPTIONS, least_members, software_levels, unknown_options
from ...model.roles import facts_of
from ...model.switches import labels
from ...model.tree import Path, SpecTree
from ..schema_errors import listed, suggestion
from .context import Check, CheckContext, error, warning

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


def ranges_are_in_order(context: CheckContext) -> Iterator[Diagnostic]:
    """No range ends before it begins."""
    for name, profile in context.tree.profiles.items():
        match, cpu = profile.match, profile.match.cpu
        ranges: list[tuple[Path, SizeRange | NumberRange | None]] = [
            (("match", "memory"), match.memory),
            (("match", "nics"), match.nics),
            (("match", "cpu", "threads"), cpu.threads if cpu else None),
            (("match", "cpu", "sockets"), cpu.sockets if cpu else None),
        ]
        for index, disk in enumerate(profile.disks):
            ranges += [(("disks", index, "size"), disk.size), (("disks", index, "count"), disk.count)]
        for path, given in ranges:
            if given and given.min is not None and given.max is not None and given.min > given.max:
                detail = f'In profile "{name}", the minimum is above the maximum, so nothing fits. Swap them.'
                yield error("Minimum above maximum", detail, context.parsed.at("HardwareProfile", name, *path))


def raid_has_the_disks_it_needs(context: CheckContext) -> Iterator[Diagnostic]:
    """An entry for a RAID level can have as many disks as the level needs."""
    for name, profile in context.tree.profiles.items():
        for index, disk in enumerate(profile.disks):
            most = _most(disk)
            at = context.parsed.at("HardwareProfile", name, "disks", index)
            if disk.raid is not None and most is not None and most < (fewest := FEWEST[disk.raid]):
                detail = f'In profile "{name}", RAID {disk.raid} needs {fewest} disks, and at most {most} may be taken.'
                yield error("Too few disks for the RAID level", detail, at)
            if disk.devices and disk.count.min is not None and disk.count.min > len(disk.devices):
                detail = f'In profile "{name}", {disk.count.min} disks are to be taken of {len(disk.devices)} named.'
                yield error("Too few disks named", detail, at)
            if disk.options and (disk.raid is None or disk.by != "controller"):
                detail = f'In profile "{name}", options are for the RAID controller, and this entry does not use it.'
                at = context.parsed.at("HardwareProfile", name, "disks", index, "options")
                yield warning("Options without a RAID controller", detail, at)
            if disk.by == "controller" and disk.raid is not None and profile.match.raid_controller == "none":
                detail = (
                    f'Profile "{name}" is for machines without a RAID controller, and lets it build RAID {disk.raid}. '
                    'Write "by: software".'
                )
                yield error("RAID by a controller that is not there", detail, at)


def volumes_have_an_even_number_of_disks(context: CheckContext) -> Iterator[Diagnostic]:
    """An entry of which a controller makes mirrored pairs can have disks for whole pairs."""
    for name, profile in context.tree.profiles.items():
        for index, disk in enumerate(profile.disks):
            most = _most(disk)
            if disk.raid is None or disk.by != "controller" or most is None or most < FEWEST[disk.raid]:
                continue
            if least_members(disk.raid, disk.count.min or 0) > most:
                detail = (
                    f'In profile "{name}", a controller makes RAID {disk.raid} of an even number of disks, and {most} '
                    "may be taken. Write an even number, or a range with one in it."
                )
                at = context.parsed.at("HardwareProfile", name, "disks", index)
                yield error("Odd number of disks for the RAID level", detail, at)


def raid_options_are_known(context: CheckContext) -> Iterator[Diagnostic]:
    """A RAID controller is given such options only as the act knows."""
    for name, profile in context.tree.profiles.items():
        for index, disk in enumerate(profile.disks):
            given = disk.options if disk.by == "controller" and disk.raid is not None else ()
            for option in unknown_options(given):
                known = listed(OPTIONS, "and")
                detail = f'Profile "{name}" gives the RAID controller the option "{option}"; there are {known}.'
                path = "disks", index, "options", given.index(option)
                yield error("Unknown RAID option", detail, context.parsed.at("HardwareProfile", name, *path))


def software_raid_can_be_installed_on(context: CheckContext) -> Iterator[Diagnostic]:
    """The installer of a profile makes the software RAID that its system is to be on.

    A profile that chooses no installer may describe machines that OCI installed: such a level is only pointed out.
    """
    for name, profile in context.tree.profiles.items():
        first = profile.disks[0] if profile.disks else DiskRule()
        levels = software_levels(profile.installer, uefi=profile.match.uefi)
        least = first.count.min or 0
        few = profile.installer == "debian" and least > MIRRORED
        if first.by != "software" or first.raid is None or (first.raid in levels and not few):
            continue
        on = " of machines that boot as BIOS" if profile.match.uefi is False else ""
        what = f" of {least} disks" if few and first.raid in levels else ""
        only = f" of {MIRRORED} disks" if what else ""
        detail = (
            f'In profile "{name}", the system goes to a software RAID {first.raid}{what}, and the installer '
            f'"{profile.installer}" puts the system{on} on RAID {listed(map(str, levels))}{only} only.'
        )
        at = context.parsed.at("HardwareProfile", name, "disks", 0, "raid")
        told = error if "installer" in profile.model_fields_set else warning
        yield told("Software RAID that the installer does not make", detail, at)


def _most(disk: DiskRule) -> int | None:
    bounds = [bound for bound in (disk.count.max, len(disk.devices) or None) if bound is not None]
    return min(bounds, default=None)


def stores_have_disks_for_data(context: CheckContext) -> Iterator[Diagnostic]:
    """A role that stores data has disks for it: an entry after the system's, or all the rest on purpose."""
    for name, profile in context.tree.profiles.items():
        if len(profile.disks) != 1 or profile.unlisted_disks == "use" or not _stores(context.tree, name):
            continue
        detail = (
            f'Profile "{name}" names disks for the system alone, so a {profile.role} of it has none for its data. Add '
            'an entry for these to "disks", or write "unlisted_disks: use" to take every disk that is left.'
        )
        yield warning("No disks for data", detail, context.parsed.at("HardwareProfile", name, "disks"))


def _stores(tree: SpecTree, name: str) -> bool:
    """Whether a node with the profile stores data on its disks: always, or because somebody wrote a setting for it."""
    role = tree.profiles[name].role
    facts = facts_of(role)
    if facts.stores_data:
        return True
    places = [Place(cluster, role, name) for cluster in tree.clusters or ("",)]
    written = [written_at(tree, setting, place) for setting in facts.stores_if for place in places]
    return any(levels and levels[-1].value is True for levels in written)


def devices_are_named_once(context: CheckContext) -> Iterator[Diagnostic]:
    """No disk is named for two purposes."""
    for name, profile in context.tree.profiles.items():
        seen: set[str] = set()
        named = ((n, m, device) for n, disk in enumerate(profile.disks) for m, device in enumerate(disk.devices))
        for index, position, device in named:
            if device in seen:
                detail = f'Profile "{name}" names the disk "{device}" twice. A disk serves one purpose.'
                at = context.parsed.at("HardwareProfile", name, "disks", index, "devices", position)
                yield error("Same disk twice", detail, at)
            seen.add(device)


def commands_have_known_placeholders(context: CheckContext) -> Iterator[Diagnostic]:
    """Commands after Puppet name only what is filled in."""
    for name, profile in context.tree.profiles.items():
        for index, command in enumerate(profile.after_puppet):
            for word in set(_PLACEHOLDER.findall(command)) - PLACEHOLDERS:
                known = listed(sorted("{" + known + "}" for known in PLACEHOLDERS), "and")
                detail = f'Nothing is filled in for "{{{word}}}" in profile "{name}"; there are {known}.'
                at = context.parsed.at("HardwareProfile", name, "after_puppet", index)
                yield error("Unknown placeholder", detail, at)


def profiles_ask_for_something(context: CheckContext) -> Iterator[Diagnostic]:
    """A profile without any rule would take every machine there is."""
    for name, profile in context.tree.profiles.items():
        if not profile.match.model_fields_set and not profile.disks:
            detail = (
                f'Profile "{name}" has no rule, so every machine matches. Write at least "match: {{product: [...]}}".'
            )
            yield warning("Profile that takes every machine", detail, context.parsed.at_name("HardwareProfile", name))


def switch_ports_can_be_read(context: CheckContext) -> Iterator[Diagnostic]:
    """The pattern for switch ports is a regular expression with a group ``unit``."""
    for name, racking in context.tree.rackings.items():
        pattern = racking.ports.pattern
        if pattern is None:
            continue
        problem = pattern_problem(pattern)
        if problem is None and "unit" not in groups_of(pattern):
            problem = r"has no group named unit. Write (?P<unit>\d+) where the rack unit stands."
        if problem:
            at = context.parsed.at("Racking", name, "ports", "pattern")
            yield error("Invalid port pattern", f'The port pattern of racking "{name}" {problem}', at)


def products_and_places_are_known(context: CheckContext) -> Iterator[Diagnostic]:
    """A switch stands in one rack, whoever says so."""
    first: dict[tuple[str, ...], tuple[str, str]] = {}
    for name, racking in context.tree.rackings.items():
        for switch in racking.switches:
            other, there = first.setdefault(labels(switch), (switch, name))
            if (other, there) != (switch, name):
                called = "" if other == switch else f', as "{other}",'
                detail = f'Switch "{switch}" stands in racking "{there}"{called} and in "{name}". Keep one.'
                yield error("Switch in two places", detail, context.parsed.at_key("Racking", name, "switches", switch))
    sizes = {product for racking in context.tree.rackings.values() for product in racking.products}
    if not context.parsed.complete or not sizes:
        return
    for name, profile in context.tree.profiles.items():
        for index, product in enumerate(profile.match.product):
            if product not in sizes:
                nearest = suggestion(product, sizes)
                detail = f'No racking gives the height of "{product}": its machines get no place.{nearest}'
                at = context.parsed.at("HardwareProfile", name, "match", "product", index)
                yield warning("Product of unknown height", detail, at)


def images_are_complete(context: CheckContext) -> Iterator[Diagnostic]:
    """A profile that installs from an image names one; no other does."""
    for name, profile in context.tree.profiles.items():
        if profile.installer == "image" and profile.image is None:
            detail = (
                f'Profile "{name}" installs from an image and names none. '
                'Write "image: {url: http://..., sha256: ...}".'
            )
            yield error("No image", detail, context.parsed.at("HardwareProfile", name, "installer"))
        if profile.installer != "image" and profile.image is not None:
            detail = f'Profile "{name}" names an image, and does not install from it. Write "installer: image".'
            yield error("Image without its installer", detail, context.parsed.at("HardwareProfile", name, "image"))


CHECKS: tuple[Check, ...] = (
    ranges_are_in_order,
    raid_has_the_disks_it_needs,
    volumes_have_an_even_number_of_disks,
    raid_options_are_known,
    software_raid_can_be_installed_on,
    stores_have_disks_for_data,
    devices_are_named_once,
    commands_have_known_placeholders,
    images_are_complete,
    profiles_ask_for_something,
    switch_ports_can_be_read,
    products_and_places_are_known,
)
