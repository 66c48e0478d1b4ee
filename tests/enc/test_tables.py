"""What single parameters depend on: one row per sentence of the rule."""

import base64
from dataclasses import replace
from typing import Any

import pytest

from reconciler.enc.compile import Compiled, EncConflictError, compile_class, compile_node, missing_secrets, secrets_in
from reconciler.enc.params import ALWAYS, Condition, PuppetClass, SecretText, Section, constant
from reconciler.enc.view import ClusterInput, EncError, natural, views
from reconciler.model.machine import Vip

from .build import SWIFT, cluster_input, member, signatures, swift_cluster, tree_of

FILEBEAT_ON = "settings: {filebeat_enabled: true, filebeat_output_hosts: [logs.example.com:5044], "


def compiled(given: ClusterInput, hostname: str = "z-swiftstore-1.example.com") -> Compiled:
    return compile_node(views(given)[hostname])


def value(given: ClusterInput, puppet_class: str, parameter: str, role: str = "swiftstore", number: int = 1) -> Any:
    row = compiled(given, f"z-{role}-{number}.example.com").classes[puppet_class].get(parameter)
    return row.value if row else None


def specs(*changes: tuple[str, str]) -> ClusterInput:
    """The Swift cluster with its YAML changed."""
    text = SWIFT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return replace(swift_cluster(), tree=tree_of(text))


def test_nodes_are_listed_by_number_and_not_by_letter() -> None:
    given = swift_cluster(stores=11)
    hosts = value(given, "oci::swiftstore", "all_swiftstore")
    assert [host.split(".")[0].rpartition("-")[2] for host in hosts] == [str(n) for n in range(1, 12)]
    assert sorted(["a-10", "a-2", "b-1", "a-1b"], key=natural) == ["a-1b", "a-2", "a-10", "b-1"]


def test_the_order_of_members_does_not_matter() -> None:
    given = swift_cluster()
    turned = replace(given, members=given.members[::-1])
    assert {h: compile_node(v) for h, v in views(given).items()} == {
        h: compile_node(v) for h, v in views(turned).items()
    }


@pytest.mark.parametrize(("number", "expected"), [(1, True), (2, False)])
def test_the_first_proxy_expires_objects(number: int, expected: bool) -> None:
    assert value(swift_cluster(), "oci::swiftproxy", "object_expirer_enable", "swiftproxy", number) is expected


@pytest.mark.parametrize(
    ("off", "expected"), [("true", "yes"), ("false", "no")], ids=["encryption is off", "encryption is on"]
)
def test_encryption_is_told_in_the_words_that_puppet_compares(off: str, expected: str) -> None:
    given = specs(("settings: {swift_rsync", f"settings: {{swift_disable_encryption: {off}, swift_rsync"))
    assert value(given, "oci::swiftproxy", "swift_disable_encryption", "swiftproxy") == expected


def test_a_proxy_without_data_gets_no_disks() -> None:
    all_off = "swift_store_account: false, swift_store_container: false, swift_store_object: false"
    given = specs(("swiftproxy: {settings: {swift_store_object: false}}", f"swiftproxy: {{settings: {{{all_off}}}}}"))
    assert value(given, "oci::swiftproxy", "block_devices", "swiftproxy") is None
    assert value(swift_cluster(), "oci::swiftproxy", "block_devices", "swiftproxy") == ("sdb", "sdc")


def test_proxies_show_the_api_certificate_unless_they_have_a_name_of_their_own() -> None:
    named = specs(("settings: {swift_rsync", "settings: {swift_proxy_hostname: s3.example.com, swift_rsync"))
    for given, kind in ((swift_cluster(), "api"), (named, "swiftproxy")):
        secret = value(given, "oci::generic", "oci_pki_swiftproxy_pem")
        assert isinstance(secret, SecretText)
        assert (secret.ref.kind, secret.ref.owner, secret.part) == (kind, "z", "pem")


def test_swift_numbers_come_from_the_end_of_names_unless_written() -> None:
    assert value(swift_cluster(), "oci::swiftstore", "zoneid", number=2) == 2
    assert value(swift_cluster(), "oci::swiftproxy", "swiftregion_id", "swiftproxy", 2) == 2
    written = specs(("spec: {swift_region: region-2}", "spec: {swift_region: region-2, swift_zone: 9}"))
    assert value(written, "oci::swiftstore", "zoneid", number=2) == 9


@pytest.mark.parametrize(
    ("public", "address", "netmask"),
    [("subnet: 203.0.113.0/28", "203.0.113.2", 28), ("subnet: 198.51.100.7/32", "198.51.100.7", 32)],
    ids=["handed out", "the network is the address"],
)
def test_the_api_address(public: str, address: str, netmask: int) -> None:
    given = specs(("subnet: 203.0.113.0/28", public))
    assert value(given, "oci::swiftstore", "vip_ipaddr") == address
    assert value(given, "oci::swiftstore", "vip_netmask") == netmask


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (replace(swift_cluster(), vips=()), "the API's address of the cluster z has not been handed out yet"),
        (specs(("mgmt-1:", "mgmt-9:")), 'the network "mgmt-1", on which z-swiftproxy-1.example.com is managed'),
        (
            replace(swift_cluster(), members=tuple(replace(m, hardware=None) for m in swift_cluster().members)),
            "no hardware report of z-swiftstore-1.example.com is known",
        ),
    ],
    ids=["no VIP", "network gone", "no report"],
)
def test_what_is_not_there_is_said(given: ClusterInput, says: str) -> None:
    hostname = "z-swiftproxy-1.example.com" if "swiftproxy" in says else "z-swiftstore-1.example.com"
    with pytest.raises(EncError) as caught:
        compiled(given, hostname)
    assert says in str(caught.value)


def test_a_cluster_without_a_public_network_has_no_api_address() -> None:
    given = specs((", public: true", ", role: swiftstore"))
    assert value(given, "oci::swiftstore", "vip_ipaddr") is None
    assert value(given, "oci::swiftstore", "vip_netmask") is None
    assert "z-api" not in base64.b64decode(str(value(given, "oci::generic", "etc_hosts"))).decode()


def test_a_vip_network_can_give_the_api_its_address() -> None:
    given = specs((", public: true", ", role: vip, usage: api"))
    assert value(given, "oci::swiftstore", "vip_ipaddr") == "203.0.113.2"


def test_a_cluster_without_controllers_of_its_own_gets_none() -> None:
    given = specs(("    controller: {count: 1}\n", ""))
    given = replace(given, members=tuple(m for m in given.members if m.allocation.role != "controller"))
    assert value(given, "oci::swiftstore", "all_masters") == ()
    assert value(given, "oci::swiftstore", "first_master") is None


def test_the_hosts_file_has_every_name_once_per_address() -> None:
    given = replace(swift_cluster(), vips=(*swift_cluster().vips, Vip("z", "mgmt-1", "sql", "10.0.1.250")))
    for hostname, view in views(given).items():
        text = base64.b64decode(str(compile_node(view).classes["oci::generic"]["etc_hosts"].value)).decode()
        lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
        assert lines[1][1:] == [hostname, hostname.removesuffix(".example.com")]
        assert ["203.0.113.2", "z-api.example.com"] in lines
        assert ["10.0.1.250", "z-sql.example.com"] in lines
        assert ["192.168.100.2", "seed"] in lines
        assert {line[1] for line in lines} >= {member.allocation.hostname for member in given.members}
        assert text.splitlines()[0].startswith("# OCISTA_MAINTAINED")
        assert text.splitlines()[-1].startswith("# OCIFIN_MAINTAINED")


def test_lines_of_the_fleet_are_in_the_hosts_file() -> None:
    fleet = swift_cluster().tree.fleet.model_copy(update={"hosts": "192.0.2.7 ldap.example.com\n"})
    given = replace(swift_cluster(), tree=replace(swift_cluster().tree, fleet=fleet))
    text = base64.b64decode(str(value(given, "oci::generic", "etc_hosts"))).decode()
    assert text.splitlines()[-2] == "192.0.2.7 ldap.example.com"


def test_names_by_sni_are_in_the_hosts_file() -> None:
    given = specs(("settings: {swift_rsync", "settings: {haproxy_use_sni: true, swift_rsync"))
    text = base64.b64decode(str(value(given, "oci::generic", "etc_hosts"))).decode()
    assert "203.0.113.2 identity.z-api.example.com\n" in text


@pytest.mark.parametrize(
    ("role", "logs"),
    [
        ("swiftstore", {"log_swiftobject"}),
        ("swiftproxy", {"log_haproxy", "log_swiftproxy", "log_swiftaccount", "log_swiftcontainer"}),
    ],
)
def test_filebeat_ships_the_logs_of_the_role(role: str, logs: set[str]) -> None:
    given = specs(("settings: {swift_rsync", f"{FILEBEAT_ON}swift_rsync"))
    rows = compiled(given, f"z-{role}-1.example.com").classes["oci::filebeat"]
    assert {name for name in rows if name.startswith("log_")} == logs
    assert rows["output_hosts"].value == ("logs.example.com:5044",)


def test_filebeat_off_gives_three_parameters() -> None:
    rows = compiled(swift_cluster()).classes["oci::filebeat"]
    assert {name: given.value for name, given in rows.items()} == {
        "cluster_name": "z",
        "machine_role": "swiftstore",
        "filebeat_enable": False,
    }


def test_computes_have_a_root_key_each_and_trust_all_of_them() -> None:
    computes = [member("z", "compute", n, f"10.0.1.{100 + n}", "mgmt-1", "zone-1") for n in (1, 2, 3)]
    given = replace(swift_cluster(), members=(*swift_cluster().members, *computes))
    rows = compiled(given, "z-compute-1.example.com").classes["oci::generic"]
    assert len(rows) == 31
    assert str(rows["pass_root_ssh_pub"].value) == "root/ssh.public"
    keys = rows["authorized_keys_hash"].value
    assert isinstance(keys, dict)
    assert {host: str(key) for host, key in keys.items()} == {
        f"z-compute-{n}.example.com": "root/ssh.public" for n in (1, 2, 3)
    }
    pairs = (ref for ref in secrets_in(compiled(given, "z-compute-1.example.com")) if ref.form == "ssh")
    assert {ref.owner for ref in pairs if ref.service == "root"} == set(keys)
    assert "pass_root_ssh_pub" not in compiled(given).classes["oci::generic"]


@pytest.mark.parametrize("number", [1, 2])
def test_a_volume_trusts_the_other_volumes(number: int) -> None:
    volumes = [member("z", "volume", n, f"10.0.1.{100 + n}", "mgmt-1", "zone-1") for n in (1, 2)]
    given = specs(("settings: {swift_rsync", "settings: {generate_root_ssh_keys: true, swift_rsync"))
    given = replace(given, members=(*given.members, *volumes))
    assert set(value(given, "oci::generic", "authorized_keys_hash", "volume", number)) == {
        f"z-volume-{3 - number}.example.com"
    }


def test_sshd_listens_on_own_addresses_but_not_on_ceph_and_public_ones() -> None:
    networks = """
apiVersion: reconciler/v1
kind: Cluster
metadata: {name: z}
spec:
  domain: example.com
  networks:
    mgmt: {subnet: 10.0.1.0/24}
    vm: {subnet: 10.0.2.0/24, role: vm-net}
    ceph: {subnet: 10.0.3.0/24, role: ceph-cluster}
    public: {subnet: 203.0.113.0/28, public: true}
"""
    tree = tree_of(SWIFT.partition("---\napiVersion: reconciler/v1\nkind: Cluster")[0], networks)
    more = {"vm": "10.0.2.5", "ceph": "10.0.3.5", "public": "203.0.113.5"}
    node = member("z", "swiftstore", 1, "10.0.1.5", "mgmt", "zone-1", addresses=more)
    given = cluster_input(tree, "z", [node], api="203.0.113.2")
    assert value(given, "oci::generic", "ssh_listen_ips") == ("127.0.0.1", "10.0.1.5", "10.0.2.5")
    assert value(given, "oci::swiftstore", "machine_ip") == "10.0.1.5"


def test_a_module_without_a_class_says_so() -> None:
    assert compiled(swift_cluster(version="43.0.10")).notes == (
        "oci::repos::debian: the Puppet module 43.0.10 has no such class",
    )


def test_missing_secrets_are_those_that_nobody_made() -> None:
    one = compiled(swift_cluster())
    first, *rest = secrets_in(one)
    assert missing_secrets(one, set(rest)) == (first,)
    assert missing_secrets(one, {first, *rest}) == ()


def test_two_sections_cannot_give_one_parameter() -> None:
    rows = {"machine_role": constant("x")}
    table = PuppetClass("oci::generic", (Section("One", rows), Section("Other", rows)))
    with pytest.raises(EncConflictError, match=r"oci::generic.machine_role is given by both 'One' and 'Other'"):
        compile_class(table, views(swift_cluster())["z-swiftstore-1.example.com"], signatures())


def test_conditions_combine_into_sentences() -> None:
    never = Condition("it rains", lambda _: False)
    view = views(swift_cluster())["z-swiftstore-1.example.com"]
    assert (ALWAYS & never).name == "always and it rains"
    assert [c.holds(view) for c in (ALWAYS & never, ALWAYS | never, ~never)] == [False, True, True]
    assert (~(ALWAYS | never)).name == "not (always or it rains)"
