"""Whether OpenStack's services of Debian 13 know the options that a node's catalog gives them, and take the values."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from .catalogs import Catalog, Resource
from .debian_services import Services


class _File(NamedTuple):
    """Whose options a file holds."""

    service: str
    namespaces: tuple[str, ...] = ()  # of the service that the file's reader knows; empty for all
    backends: str = ""  # the group with the options of a storage backend's own section


_AGENT = ("neutron.agent", "neutron.az.agent", "neutron.base.agent")

FILES = {
    "Aodh_config": _File("aodh"),
    "Barbican_config": _File("barbican"),
    "Ceilometer_config": _File("ceilometer"),
    "Cinder_config": _File("cinder", backends="backend_defaults"),
    "Cloudkitty_config": _File("cloudkitty"),
    "Designate_config": _File("designate"),
    "Glance_api_config": _File("glance", ("glance.api", "glance.multi_store", "glance.store"), "glance_store"),
    "Glance_cache_config": _File("glance", ("glance.cache", "glance.multi_store", "glance.store"), "glance_store"),
    "Glance_image_import_config": _File("glance", ("glance",)),
    "Gnocchi_config": _File("gnocchi"),
    "Heat_config": _File("openstack-heat"),
    "Keystone_config": _File("keystone"),
    "Neutron_agent_ovs": _File("neutron", (*_AGENT, "neutron.ml2.ovs.agent")),
    "Neutron_config": _File("neutron"),
    "Neutron_dhcp_agent_config": _File("neutron", (*_AGENT, "neutron.dhcp.agent")),
    "Neutron_l3_agent_config": _File("neutron", (*_AGENT, "neutron.l3.agent")),
    "Neutron_metadata_agent_config": _File("neutron", (*_AGENT, "neutron.metadata.agent")),
    "Neutron_metering_agent_config": _File("neutron", (*_AGENT, "neutron.metering.agent")),
    "Neutron_plugin_ml2": _File("neutron", ("neutron.ml2", "neutron.ml2.ovn", "neutron.ml2.sriov")),
    "Nova_config": _File("nova"),
    "Octavia_config": _File("octavia"),
    "Placement_config": _File("openstack-placement"),
}
"""By Puppet's type, of which each is one file."""

UNKNOWN: Mapping[str, str] = {}

_SERVICES_OWN = "<SERVICE DEFAULT>"


def refusals(catalog: Catalog, services: Services) -> list[str]:
    """What each service says of options that it does not know, and of values that it does not take."""
    found = [fault for kind in FILES for fault in _faults(catalog, kind, services)]
    return [fault for fault in found if fault.removesuffix(": unknown") not in UNKNOWN]


def _faults(catalog: Catalog, kind: str, services: Services) -> Iterator[str]:
    if not (sections := written(catalog, kind)):
        return
    file = FILES[kind]
    question = {"service": file.service, "namespaces": file.namespaces, "backends": file.backends, "sections": sections}
    for section, name, said in services.faults(question):
        yield f"{kind} {section}/{name}: {said}"


def written(catalog: Catalog, kind: str) -> dict[str, dict[str, list[str]]]:
    """What stands in the file of this type afterwards: by section and option, a text for each line."""
    sections: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for one in catalog.of_type(kind):
        if (texts := _texts(one)) is not None:
            section, _, name = one.parameters.get("name", one.title).partition("/")
            sections[section][name] = texts
    return dict(sections)


def _texts(one: Resource) -> list[str] | None:
    """The lines of an option, as its Puppet type writes them; None for one that it takes out."""
    value = one.parameters.get("value")
    left_out = (None, _SERVICES_OWN, one.parameters.get("ensure_absent_val"))
    if one.parameters.get("ensure") == "absent" or value in (*left_out, [_SERVICES_OWN]):
        return None
    texts = [str(each).strip() for each in (value if isinstance(value, list) else [value])]
    return [text.capitalize() if text.lower() in ("true", "false") else text for text in texts]
