"""``oci::controller``: every API, and what they need: database, RabbitMQ, HAProxy, agents without network nodes.

Its nearly four hundred parameters stand in modules by subject; here is their order.
"""

from ...params import PuppetClass
from ...shared_sections import COMMON, HAPROXY_TIMEOUTS, MANAGEMENT_NETWORK, SWIFT_ELSEWHERE
from .api import API
from .peers import PEERS
from .secrets import SECRETS
from .services import SERVICES
from .storage import STORAGE
from .subroles import SUBROLES
from .telemetry import TELEMETRY

_NO_SETTING = "OCI has no setting for it; an EncOverlay can set it"

CONTROLLER = PuppetClass(
    "oci::controller",
    sections=(
        *COMMON,
        MANAGEMENT_NETWORK,
        *PEERS,
        *SUBROLES,
        *STORAGE,
        SWIFT_ELSEWHERE,
        *SERVICES,
        *TELEMETRY,
        *API,
        HAPROXY_TIMEOUTS,
        *SECRETS,
    ),
    left_to_puppet={
        "gnocchi_metric_processing_delay":   _NO_SETTING,
        "haproxy_maintenance":               "the class does not use it",
        "has_subrole_api_keystone":          "on; every controller has Keystone",
        "has_subrole_horizon":               "on; every controller has Horizon",
        "has_subrole_messaging":             "on; install_rabbit decides",
        "has_subrole_mistral":               "on; install_mistral decides",
        "has_subrole_vigie":                 "on; install_vigie decides",
        "has_subrole_vmms":                  "on; install_vmms decides",
        "horizon_limitreqbody":              _NO_SETTING,
        "neutron_executor_thread_pool_size": _NO_SETTING,
        "neutron_rpc_conn_pool_size":        _NO_SETTING,
        "nova_metadata_cache_expiration":    _NO_SETTING,
        "pass_vmms_ssh_priv":                "the class does not use it",
        "pass_vmms_ssh_pub":                 "the class does not use it",
        "rabbit_env":                        _NO_SETTING,
        "swift_sni_name":                    _NO_SETTING,
        "zookeeper_ensemble_string":         "Puppet makes it of all_masters_ip",
    },
)
