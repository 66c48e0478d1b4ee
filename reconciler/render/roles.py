"""The table of roles as a page for people: ``docs/roles.md``."""

from collections.abc import Iterator, Mapping
from dataclasses import fields

from ..model.roles import ROLES, RoleFacts

_INTRODUCTION = """\
# Roles

<!-- Made from reconciler/model/roles.py: change that, then `make schemas`. -->

What a node is for, and what follows from it besides the parameters of its Puppet class. A role of your own (a `Role`
document) has none of these: its nodes get the classes of every node, and those that the document names.

| role | what it is for | Puppet class | what follows |
|---|---|---|---|
"""

WORDS: Mapping[str, str] = {
    "leads": "runs the cluster's commands, and gets new documents last",
    "votes": "a majority must stay up",
    "vip": "brings up the virtual address for {}",
    "runs_instances": "runs instances: controllers are told of each new one",
    "carries_vm_traffic": "on the networks of virtual machines (`vm-net`, `ovs-bridge`)",
    "stands_in_for_network": "on the networks of virtual machines where the cluster has no network nodes",
    "on_ceph_network": "on the Ceph network (`ceph-cluster`)",
    "runs_monitors": "runs the monitors of its cluster's Ceph",
    "runs_osds": "runs OSDs",
    "may_run_osds": "runs OSDs, and is on the Ceph network, with `compute_is_cephosd`",
    "stores_data": "has data disks",
    "stores_if": "has data disks where {} is on",
    "installer_formats_data": "the installer formats its data disks with XFS",
    "makes_volume_groups": "makes volume groups of its data disks",
    "object_store": "belongs to an object store ({}), of which Keystone can have one",
    "has_proxy_certificate": "has the certificate of `swift_proxy_hostname`",
    "shows_progress": "documents change once it, or all of the role, have been in service",
    "max_unavailable": "at most {} out of service by default",
    "first_boot_needs": "needs in a root image: {}",
    "gates": "serves once these gates hold: {}",
    "gates_if_there": "and these, of what no other role runs: {}",
    "units": "its systemd units: {}",
    "ports": "listens on TCP {}",
    "needs": "comes up after {}",
}
"""What is said of each fact that is not its default."""


def render_roles_page() -> str:
    """The whole page."""
    return _INTRODUCTION + "".join(
        f"| `{role}` | {facts.help} | `{facts.puppet_class}` | {'; '.join(_what_follows(facts)) or '-'} |\n"
        for role, facts in ROLES.items()
    )


def _what_follows(facts: RoleFacts) -> Iterator[str]:
    for field in fields(facts):
        value = getattr(facts, field.name)
        if field.name in WORDS and value != field.default:
            between = " or " if field.name == "stores_if" else ", "
            listed = between.join(f"`{one}`" for one in value) if isinstance(value, tuple) else value
            yield WORDS[field.name].format(listed)
