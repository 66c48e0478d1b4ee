"""Sub-roles of a controller, besides Keystone: they come and go with the other nodes of the cluster."""

from ...conditions import has, has_messaging, has_osds, has_swift, is_wanted
from ...params import Section, constant, derived, subroles

SUBROLES = (
    Section("The database is elsewhere", when=has("sql"), params=subroles(False, "db")),
    Section("No Swift", when=~has_swift, params=subroles(False, "swift")),
    Section("Images", when=is_wanted("install_glance"), params=subroles(True, "glance")),
    # The class waits for the database of Heat or Barbican without asking for install_heat or install_barbican. Horizon
    # stays: it has the only site of the Apache that the class starts on every controller, which fails without any.
    Section("No orchestration", when=~is_wanted("install_heat"), params=subroles(False, "heat")),
    Section("No keys and secrets", when=~is_wanted("install_barbican"), params=subroles(False, "barbican")),
    Section("Computes", when=has("compute"), params=subroles(
        True, "nova", "neutron", "aodh", "octavia", "magnum", "manila",
    )),
    Section("Volumes for computes", when=has("compute") & (has_osds | has("volume")), params=subroles(True, "cinder")),
    Section("Volume nodes", when=has("volume"), params={"cluster_has_cinder_volumes": constant(True)}),
    Section("Telemetry", when=has("compute") & has_osds, params={
        **subroles(True, "gnocchi", "ceilometer", "panko", "cloudkitty"),
        "has_subrole_gnocchi_services": derived((~has_messaging).holds, "whether there are no messaging nodes"),
    }),
    Section("Ceph's object store", when=has_osds & has("radosgw"), params=subroles(True, "radosgw")),
    Section("Bare metal", when=has("metal"), params=subroles(True, "ironic")),
    Section("Routing for instances", {
        "has_subrole_network_node": derived((~has("network")).holds, "whether there are no network nodes"),
    }),
)
