"""``oci::sql``: the database, on nodes of its own; on sqlmsg nodes, a second one for telemetry only."""

from ..conditions import has, has_osds, is_on, is_wanted, role_is
from ..credentials import credential
from ..params import Condition, PuppetClass, Section, Source, derived, settings, subroles
from ..shared_sections import COMMON, DATABASE_CLIENTS, DATABASE_PEERS, DATABASE_VIP, MANAGEMENT_NETWORK
from ..values.setup import first_setup_goes_on
from ..values.vips import database_vip, interface_of_vip, of_vip

main, telemetry = role_is("sql"), role_is("sqlmsg")

NOT_OF_TELEMETRY = (
    "glance", "nova", "neutron", "aodh", "octavia", "cinder", "heat", "barbican", "mistral", "vmms", "designate",
)  # fmt: skip


def holds_if(condition: Condition, *services: str) -> dict[str, Source]:
    """Rows that say whether the services' databases are made."""
    return {f"has_subrole_{s}": derived(condition.holds, f"whether {condition.name}") for s in services}


def databases(*services: str) -> dict[str, Source]:
    """Rows for the services' passwords in the database."""
    return {f"pass_{service}_db": credential(service, "db") for service in services}


SQL = PuppetClass(
    "oci::sql",
    sections=(
        *COMMON,
        MANAGEMENT_NETWORK,
        DATABASE_PEERS,
        DATABASE_VIP,
        Section("Where that address is brought up", {"sql_vip_iface": interface_of_vip(database_vip)}),
        Section(
            "Who may connect",
            {
                **DATABASE_CLIENTS.params,
                "ip_vip_to_whitelist": of_vip(
                    lambda v: "api" if v.node.role == "sql" else "messaging",
                    lambda vip: vip.address,
                    "the virtual address for {}, from which those who use the database come",
                ),
            },
        ),
        Section("Limits", settings("mysql_max_connections", "mysql_max_user_connections")),
        Section(
            "Passwords",
            {
                "pass_mysql_rootuser": credential("mysql", "rootuser"),
                "pass_mysql_backup": credential("mysql", "backup"),
                **databases("gnocchi", "ceilometer", "cloudkitty"),
            },
        ),
        Section(
            "The main database",
            when=main,
            params={
                "initial_cluster_setup": derived(first_setup_goes_on),
                **settings("configure_dkms"),
                **holds_if(has("compute"), "nova", "neutron", "aodh", "octavia"),
                **holds_if(has_osds | has("volume"), "cinder"),
                **holds_if(has_osds, "gnocchi", "ceilometer", "panko", "cloudkitty"),
                **holds_if(is_wanted("install_glance"), "glance"),
                **holds_if(is_wanted("install_heat"), "heat"),
                **holds_if(is_wanted("install_barbican"), "barbican"),
            },
        ),
        Section("Mistral", when=main & is_on("install_mistral"), params=subroles(True, "mistral")),
        Section("VMMS", when=main & is_on("install_vmms"), params=subroles(True, "vmms")),
        Section("Vigie", when=main & is_on("install_vigie"), params=subroles(True, "vigie")),
        Section("Magnum", when=main & is_on("install_magnum"), params=subroles(True, "magnum")),
        Section("Manila", when=main & is_on("install_manila"), params=subroles(True, "manila")),
        Section("Designate", when=main & is_on("install_designate"), params=subroles(True, "designate")),
        Section(
            "Passwords of the main database",
            when=main,
            params={
                "pass_nova_apidb": credential("nova", "apidb"),
                **databases(
                    "keystone",
                    "nova",
                    "placement",
                    "glance",
                    "neutron",
                    "cinder",
                    "heat",
                    "barbican",
                    "mistral",
                    "vmms",
                    "vigie",
                    "panko",
                    "aodh",
                    "octavia",
                    "magnum",
                    "manila",
                    "designate",
                ),
            },
        ),
        Section(
            "The database of telemetry",
            when=telemetry,
            params={
                **subroles(False, *NOT_OF_TELEMETRY),
                **subroles(True, "gnocchi", "ceilometer", "cloudkitty"),
            },
        ),
    ),
)
