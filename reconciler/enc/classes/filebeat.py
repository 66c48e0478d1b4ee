"""``oci::filebeat``: which logs of a node are shipped, and where to."""

from collections.abc import Mapping

from ..conditions import filebeat_is_on, has, has_osds, is_on, role_is
from ..params import ALWAYS, Condition, PuppetClass, Section, Source, constant, derived, setting


def logs(title: str, *names: str, role: Condition, when: Condition = ALWAYS) -> Section:
    """Rows that turn on shipping the logs of the named services."""
    rows: Mapping[str, Source] = {f"log_{name}": constant(True) for name in names}
    return Section(title, rows, filebeat_is_on & role if when is ALWAYS else filebeat_is_on & role & when)


controller, swift = role_is("controller"), role_is("swiftproxy", "swiftstore")
ceph = role_is("cephmon", "cephosd", "billmon", "billosd", "radosgw")

FILEBEAT = PuppetClass(
    "oci::filebeat",
    sections=(
        Section("This node", {
            "cluster_name":    derived(lambda v: v.cluster.name, "the cluster's name"),
            "machine_role":    derived(lambda v: v.node.role, "the node's role"),
            "filebeat_enable": setting("filebeat_enabled"),
        }),
        Section("Where logs go", when=filebeat_is_on, params={
            "fields_under_root":  setting("filebeat_fields_under_root"),
            "output_hosts":       setting("filebeat_output_hosts"),
            "logging_level":      setting("filebeat_logging_level"),
            "logging_syslog":     setting("filebeat_logging_syslog"),
            "logging_files":      setting("filebeat_logging_files"),
            "logging_files_path": setting("filebeat_logging_files_path"),
            "logging_files_name": setting("filebeat_logging_files_name"),
        }),
        logs("Controller", "barbican", "frr", "corosync", "haproxy", "horizon", "heat", "keystone", "memcached",
             "pacemaker", "rabbitmq", role=controller),
        logs("Controller of computes", "aodh", "apache2", "glance", "neutron", "nova", "octavia", "placement",
             role=controller, when=has("compute")),
        logs("Controller with Ceph", "ceilometer", "ceph", "cloudkitty", "gnocchi", "panko",
             role=controller, when=has_osds),
        logs("Controller of volumes", "cinder", role=controller, when=has("volume") | has_osds),
        logs("Controller with Magnum", "etcd", "magnum", role=controller, when=is_on("install_magnum")),
        logs("Controller with Designate", "designate", role=controller, when=is_on("install_designate")),
        logs("Controller that coordinates", "zookeeper", role=controller, when=has_osds | is_on("install_designate")),
        logs("Controller with the database", "mysql", role=controller, when=~has("sql")),
        logs("Controller that routes", "openvswitch", role=controller, when=has("compute") & ~has("network")),
        logs("Messaging", "ceph", "cloudkitty", "haproxy", "gnocchi", "mysql", "rabbitmq", role=role_is("messaging")),
        logs("Swift proxy", "haproxy", "swiftproxy", role=role_is("swiftproxy")),
        logs("Swift accounts", "swiftaccount", role=swift, when=is_on("swift_store_account")),
        logs("Swift containers", "swiftcontainer", role=swift, when=is_on("swift_store_container")),
        logs("Swift objects", "swiftobject", role=swift, when=is_on("swift_store_object")),
        logs("Network node", "haproxy", "neutron", "openvswitch", role=role_is("network")),
        logs("Compute", "haproxy", "neutron", "nova", "openvswitch", role=role_is("compute")),
        logs("Compute with Ceph", "cinder", role=role_is("compute"), when=has_osds),
        logs("Ceph", "ceph", role=ceph),
        logs("Volume", "cinder", role=role_is("volume")),
    ),
)
