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
    "Glance_cache_config": _File("glance", backends="glance_store"),
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

UNKNOWN: Mapping[str, tuple[str, ...]] = {
    "class oci::controller writes into the wrong section: Neutron reads oslo_messaging_rabbit, and has its 30": (
        "Neutron_config DEFAULT/rpc_conn_pool_size",
    ),
    "OCI's classes write what cloudkitty::orchestrator and the sections' newer names say as well": (
        "Cloudkitty_config coordination/backend_url", "Cloudkitty_config gnocchi_collector/cafile",
        "Cloudkitty_config keystone_fetcher/cafile",
    ),
    "OCI's classes write into DEFAULT what Cinder reads in the backend's section, where cinder::backend::rbd has it": (
        "Cinder_config DEFAULT/rbd_ceph_conf", "Cinder_config DEFAULT/rbd_pool",
        "Cinder_config DEFAULT/rbd_secret_uuid",
    ),
    "OCI's classes write it for older releases: the service no longer has it, and does by itself what it said": (
        "Cinder_config DEFAULT/snapshot_clone_size", "Neutron_l3_agent_config DEFAULT/external_network_bridge",
    ),
    "class oci::controller names clients of services that Heat no longer knows": (
        "Heat_config clients_sahara/ca_file", "Heat_config clients_senlin/ca_file",
    ),
    "OCI's classes write options of keystone_authtoken into a section that only logs in": (
        "Cloudkitty_config ociadmin_authtoken/memcached_servers", "Cloudkitty_config ociadmin_authtoken/region_name",
        "Cloudkitty_config ociadmin_authtoken/www_authenticate_uri", "Heat_config trustee/auth_uri",
        "Heat_config trustee/memcached_servers", "Heat_config trustee/region_name",
        "Ceilometer_config service_credentials/www_authenticate_uri",
    ),
    "the service's Puppet module writes a region where the service only logs in": (
        "Cinder_config service_user/region_name", "Neutron_config designate/region_name",
        "Nova_config service_user/region_name",
    ),
    "aodh::service_credentials has a wrong name for cafile: Aodh trusts the node's ca-certificates": (
        "Aodh_config service_credentials/cacert",
    ),
    "gnocchi::logging and gnocchi::db write Oslo's options: Gnocchi has a log of its own, and reads indexer/url": (
        "Gnocchi_config DEFAULT/use_json", "Gnocchi_config database/connection",
    ),
    "class keystone writes the file of a catalogue that Keystone no longer reads from files": (
        "Keystone_config catalog/template_file",
    ),
    "class neutron::agents::dhcp writes into DEFAULT what Neutron reads in agent": (
        "Neutron_dhcp_agent_config DEFAULT/root_helper",
    ),
}  # fmt: skip
"""Options without effect, by the reason: Debian 13's Puppet modules write them whatever a document says."""

_NO_EFFECT = {f"{option}: unknown" for options in UNKNOWN.values() for option in options}
PLUGINS: Mapping[str, Mapping[str, str]] = {
    "barbican": {"secretstore/enabled_secretstore_plugins": "barbican.secretstore.plugin"},
    "cinder": {
        "*/volume_driver": "/",
        "DEFAULT/backup_driver": "/",
        "DEFAULT/scheduler_default_filters": "cinder.scheduler.filters",
        "DEFAULT/scheduler_default_weighers": "cinder.scheduler.weights",
    },
    "cloudkitty": {
        "collect/collector": "cloudkitty.collector.backends",
        "fetcher/backend": "cloudkitty.fetchers",
    },
    "designate": {"service:sink/enabled_notification_handlers": "designate.notification.handler"},
    "keystone": {
        "auth/methods": "keystone.auth.{}",
        "catalog/driver": "keystone.catalog",
        "token/provider": "keystone.token.provider",
    },
    "neutron": {
        "DEFAULT/core_plugin": "neutron.core_plugins",
        "DEFAULT/external_dns_driver": "neutron.services.external_dns_drivers",
        "DEFAULT/interface_driver": "neutron.interface_drivers",
        "DEFAULT/router_scheduler_driver": "/",
        "DEFAULT/service_plugins": "neutron.service_plugins",
        "ml2/extension_drivers": "neutron.ml2.extension_drivers",
        "ml2/mechanism_drivers": "neutron.ml2.mechanism_drivers",
        "ml2/type_drivers": "neutron.ml2.type_drivers",
        "securitygroup/firewall_driver": "neutron.agent.firewall_drivers",
    },
    "nova": {
        "DEFAULT/compute_driver": "nova/virt/",
        "filter_scheduler/enabled_filters": "nova/scheduler/filters/*.py",
    },
}
"""Where the plugins are that an option names, by service and option, as ``oslo_options`` reads it.

Most are entry points: the services' packages themselves know whether there is one.
"""

_AGENTS = {
    "Neutron_agent_ovs": {"agent/extensions": "neutron.agent.l2.extensions"},
    "Neutron_l3_agent_config": {"agent/extensions": "neutron.agent.l3.extensions"},
    "Neutron_metering_agent_config": {"DEFAULT/driver": "neutron.services.metering_drivers"},
}
"""What differs by file, by Puppet's type."""

_SERVICES_OWN = "<SERVICE DEFAULT>"


def refusals(catalog: Catalog, services: Services) -> list[str]:
    """What each service says of options that it does not know, and of values that it does not take."""
    return [fault for fault in faults(catalog, services) if fault not in _NO_EFFECT]


def faults(catalog: Catalog, services: Services) -> Iterator[str]:
    """The same with options that are known to be without effect."""
    return (fault for kind in FILES for fault in _faults(catalog, kind, services))


def _faults(catalog: Catalog, kind: str, services: Services) -> Iterator[str]:
    if not (sections := written(catalog, kind)):
        return
    file = FILES[kind]
    plugins = {"oslo_messaging_notifications/driver": "oslo.messaging.notify.drivers"}
    plugins |= {**PLUGINS.get(file.service, {}), **_AGENTS.get(kind, {})}
    question = {**file._asdict(), "plugins": plugins, "sections": sections}
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
