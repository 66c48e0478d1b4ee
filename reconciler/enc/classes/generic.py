"""``oci::generic``: what every node gets, whatever its role: names, mail, time, SSH, certificates."""

from ..conditions import ceph_first, hyperconverged, is_on, needs_root_keys, trusts_root_of_peers
from ..params import PuppetClass, Secret, Section, constant, derived, pem, settings, spec
from ..values.common import (
    facts_file,
    hosts_file,
    interfaces,
    root_keys_of_peers,
    ssh_listen_addresses,
    swift_proxy_certificate,
)  # fmt: skip

GENERIC = PuppetClass(
    "oci::generic",
    sections=(
        Section("This node", {
            "machine_hostname":  derived(lambda v: v.node.hostname, "the node's hostname"),
            "machine_role":      derived(lambda v: v.node.role, "the node's role"),
            "openstack_release": spec(lambda v: v.fleet.release.openstack, "Fleet.release.openstack"),
            "nics":              derived(interfaces),
            "etc_hosts":         derived(hosts_file, base64=True),
            "oci_facts":         derived(facts_file, base64=True),
            **settings("logrotate_hourly", "time_server_host"),
        }),
        Section("Mail", settings("admin_email_address", "mail_relay_host")),
        Section("Mail relay", when=is_on("mail_relay_enable"), params={"mail_relay_enable": constant(True)}),
        Section("HTTP proxy", {
            "use_http_proxy":  spec(lambda v: v.fleet.http_proxy.enabled, "Fleet.http_proxy.enabled"),
            "http_proxy_addr": spec(lambda v: v.fleet.http_proxy.address, "Fleet.http_proxy.address"),
        }),
        Section("SSH", {
            "ssh_listen_ips":         derived(ssh_listen_addresses),
            "generate_root_ssh_keys": derived(needs_root_keys.holds, f"whether {needs_root_keys.name}"),
        }),
        Section("Root's SSH key", when=needs_root_keys, params={
            "pass_root_ssh_pub":  Secret("root", "ssh", "public", form="ssh", scope="node"),
            "pass_root_ssh_priv": Secret("root", "ssh", "private", form="ssh", scope="node", base64=True),
        }),
        Section("Root of other nodes may log in", when=trusts_root_of_peers, params={
            "authorized_keys_hash": derived(root_keys_of_peers),
        }),
        Section("The node's certificates", {
            "ssl_cert_snakeoil_key": pem("snakeoil", "key", scope="node"),
            "ssl_cert_snakeoil_pem": pem("snakeoil", "crt", scope="node"),
            "ssl_cert_client_key":   pem("client", "key", scope="node"),
            "ssl_cert_client_crt":   pem("client", "crt", scope="node"),
            "ssl_cert_client_pem":   pem("client", "pem", scope="node"),
        }),
        Section("No certificates for libvirt yet", when=ceph_first & hyperconverged, params={
            "skip_etc_pki_setup": constant(True),
        }),
        Section("The fleet's authority", {
            "oci_pki_root_ca":      pem("root_ca", "crt", scope="fleet"),
            "oci_pki_oci_ca":       pem("oci_ca", "crt", scope="fleet"),
            "oci_pki_oci_ca_chain": pem("oci_ca", "chain", scope="fleet"),
        }),
        Section("The API's certificate", {
            "oci_pki_api_key": pem("api", "key"),
            "oci_pki_api_crt": pem("api", "crt"),
            "oci_pki_api_csr": pem("api", "csr"),
            "oci_pki_api_pem": pem("api", "pem"),
        }),
        Section("The Swift proxies' certificate", {
            "oci_pki_swiftproxy_key": swift_proxy_certificate("key"),
            "oci_pki_swiftproxy_pem": swift_proxy_certificate("pem"),
        }),
    ),
)
