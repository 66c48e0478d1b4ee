"""Every service's passwords and keys."""

from ...credentials import credential, credentials, ssh_pair
from ...params import Section

_USUAL = ("db", "messaging", "authtoken")
"""A user in the database, in RabbitMQ, and in Keystone."""

_WITH_THE_USUAL = (
    "aodh", "barbican", "ceilometer", "cinder", "cloudkitty", "designate", "glance", "gnocchi", "heat", "ironic",
    "magnum", "manila", "mistral", "neutron", "nova", "octavia", "panko", "vigie", "vmms",
)  # fmt: skip

SECRETS = (
    Section("Passwords of the infrastructure", {
        **credentials("haproxy", "stats"),
        **credentials("mysql", "rootuser", "backup"),
        **credentials("rabbitmq", "cookie", "monitoring"),
        **credentials("zabbix", "authtoken"),
        "pass_redis": credential("redis", "redis"),
    }),
    Section("Keystone's secrets", {
        **credentials("keystone", "db", "messaging", "adminuser"),
        "pass_keystone_credkey1": credential("keystone", "credential1"),
        "pass_keystone_credkey2": credential("keystone", "credential2"),
        "pass_keystone_fernkey1": credential("keystone", "fernetkey1"),
        "pass_keystone_fernkey2": credential("keystone", "fernetkey2"),
        **ssh_pair("keystone"),
    }),
    Section("Passwords of the services", {
        name: row for service in _WITH_THE_USUAL for name, row in credentials(service, *_USUAL).items()
    }),
    Section("Other secrets of the services", {
        **credentials("barbican", "kek"),
        **credentials("ceilometer", "telemetry"),
        **credentials("designate", "rndckey"),
        **credentials("heat", "encryptkey", "keystone_domain"),
        **credentials("horizon", "secretkey"),
        **credentials("magnum", "domain"),
        **credentials("neutron", "vrrpauth"),
        **credentials("nova", "apidb"),
        **credentials("octavia", "heatbeatkey"),
        **credentials("placement", "db", "authtoken"),
        **credentials("radosgw", "authtoken"),
        **credentials("swift", "authtoken", "encryption", "messaging"),
        **{f"pass_ironic_inspector_{kind}": credential("ironicinspector", kind) for kind in _USUAL},
        "pass_metadata_proxy_shared_secret": credential("novaneutron", "shared_secret"),
        **ssh_pair("glance"),
        **ssh_pair("vigie"),
    }),
)
