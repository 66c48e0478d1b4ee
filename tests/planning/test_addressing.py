"""Hostnames and addresses: lowest free first, nothing twice, nothing that is somebody else's."""

from dataclasses import replace

import pytest

from reconciler.model.kinds import KINDS, Network
from reconciler.model.plan import Act
from reconciler.planning.addressing import gateway_of

from .build import VIPS, cluster, holding, kind, machine, net, one, planned, steps, tree


def network(**facts) -> Network:
    return Network.model_validate(facts)


def flat(**more):
    """A cluster with one network for all machines."""
    return {"mgmt": net("10.1.1.0/24", **more)}


def given_to(spec, serials, role="compute", **more) -> list[str]:
    """Management addresses that machines get, by serial."""
    found = steps(spec, [machine(s, role) for s in serials], **more)
    return [next(iter(s.action.addresses.values())) for s in found.values() if isinstance(s, Act)]


@pytest.mark.parametrize(
    ("networks", "first"),
    [
        ({"mgmt": net("10.1.1.0/24"), "a": net("10.1.2.0/24")}, "a"),
        ({"mgmt": net("10.1.1.0/24", management=True), "a": net("10.1.2.0/24")}, "mgmt"),
        ({"mgmt": net("10.1.1.0/24", role="compute"), "a": net("10.1.2.0/24")}, "mgmt"),
        ({"mgmt": net("10.1.1.0/24", management=True), "a": net("10.1.2.0/24", role="compute")}, "mgmt"),
        ({"mgmt": net("10.1.1.0/24", management=True, location="z2"), "a": net("10.1.2.0/24")}, "a"),
    ],
)
def test_the_network_that_says_so_has_the_management_address(networks, first):
    found = one(tree({"cl1": cluster(networks=networks, compute={})}), machine("A", "compute"))
    assert next(iter(found.action.addresses)) == first


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, ["10.1.1.2", "10.1.1.3"]),
        ({"gateway": "10.1.1.2"}, ["10.1.1.1", "10.1.1.3"]),
        ({"range": {"first": "10.1.1.100", "last": "10.1.1.200"}}, ["10.1.1.100", "10.1.1.101"]),
        ({"range": {"first": "10.1.1.253", "last": "10.1.1.255"}}, ["10.1.1.253", "10.1.1.254"]),
    ],
)
def test_the_lowest_free_addresses_are_given(facts, expected):
    assert given_to(tree({"cl1": cluster(networks=flat(**facts), compute={})}), "AB") == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"subnet": "10.1.1.0/24"}, "10.1.1.1"),
        ({"subnet": "10.1.1.0/24", "gateway": "10.1.1.254"}, "10.1.1.254"),
        ({"subnet": "10.1.1.0/31"}, None),
        ({"subnet": "10.1.1.1/32"}, None),
    ],
)
def test_the_gateway_is_the_first_address_unless_it_is_written(facts, expected):
    assert gateway_of(network(**facts)) == expected


@pytest.mark.parametrize(
    ("role", "roles", "settings", "expected"),
    [
        ("compute", {}, {}, ["mgmt", "vm"]),
        ("compute", {}, {"compute_is_cephosd": True}, ["mgmt", "vm", "ceph"]),
        ("network", {}, {}, ["mgmt", "vm"]),
        ("cephosd", {}, {}, ["osd", "mgmt", "ceph"]),
        ("controller", {}, {}, ["mgmt", "vm"]),
        ("controller", {"network": {}}, {}, ["mgmt"]),
        ("swiftstore", {}, {"compute_is_cephosd": True}, ["mgmt"]),
    ],
)
def test_a_machine_gets_addresses_on_the_networks_of_its_role(role, roles, settings, expected):
    networks = {
        "ceph": net("10.3.0.0/24", role="ceph-cluster"),
        "mgmt": net("10.1.0.0/24"),
        "elsewhere": net("10.4.0.0/24", location="z3"),
        "osd": net("10.5.0.0/24", role="cephosd"),
        "public": net("203.0.1.0/28", public=True),
        "sql": net("10.8.0.1/32", role="vip", usage="sql"),
        "trunk": net("10.6.0.0/24", role="ovs-bridge", bridge="br-ex"),
        "vm": net("10.2.0.0/24", role="vm-net"),
    }
    spec = tree({"cl1": {**cluster(networks=networks, **{role: {}, **roles}), "settings": settings}})
    assert list(one(spec, machine("A", role)).action.addresses) == expected


def test_the_cluster_brings_its_vips_with_its_first_machine():
    networks = {
        **flat(),
        "public": net("203.0.1.0/28", public=True),
        "sql": net("10.8.0.1/32", role="vip", usage="sql"),
        "msg": net("10.8.0.2/32", role="vip", usage="messaging"),
    }
    found = steps(tree({"cl1": cluster(networks=networks, compute={})}), [machine(s, "compute") for s in "AB"])
    assert found["A"].action.vips == (
        ("public", "api", "203.0.1.2"),
        ("msg", "messaging", "10.8.0.2"),
        ("sql", "sql", "10.8.0.1"),
    )
    assert found["B"].action.vips == ()


def test_a_public_network_of_one_address_is_the_vip():
    networks = {**flat(), "public": net("203.0.113.77/32", public=True)}
    action = one(tree({"cl1": cluster(networks=networks, compute={})}), machine("A", "compute")).action
    assert action.vips == (("public", "api", "203.0.113.77"),)


def test_what_belongs_to_others_is_never_given():
    networks = flat()
    spec = tree(
        {"cl1": cluster(networks=networks, compute={}), "cl2": cluster("cl2", networks={"x": net("10.1.1.6/31")})},
        {"PIN": {"address": "10.1.1.3", "cluster": "cl1"}},
    )
    held = replace(holding(machine("OLD", "compute"), 1), racked=None)
    held = replace(held, allocation=replace(held.allocation, addresses={"mgmt": "10.1.1.2"}))
    bmc = machine("A", "compute", bmc="10.1.1.4")
    found = steps(spec, [held, bmc], vips=(*VIPS, replace(VIPS[0], usage="sql", address="10.1.1.5")))
    assert dict(found["A"].action.addresses) == {"mgmt": "10.1.1.6"}


BOOT = {"subnet": "10.1.1.0/24", "gateway": "10.1.1.254"}


def with_fleet(spec, **facts):
    """The tree, with more in its Fleet's provisioning and beside it."""
    boot = facts.pop("boot", {})
    provisioning = {"address": "10.1.1.2", "trusted_networks": ["10.1.1.0/24"], "boot": boot}
    return replace(spec, fleet=KINDS["Fleet"].model_validate({"provisioning": provisioning, **facts}))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, ["10.1.1.3", "10.1.1.4"]),
        ({"boot": {"networks": [{**BOOT, "gateway": "10.1.1.3"}]}}, ["10.1.1.4", "10.1.1.5"]),
        ({"boot": {"networks": [{**BOOT, "dns": ["10.1.1.4"]}]}}, ["10.1.1.3", "10.1.1.5"]),
        (
            {"boot": {"networks": [{**BOOT, "range": {"first": "10.1.1.3", "last": "10.1.1.9"}}]}},
            ["10.1.1.10", "10.1.1.11"],
        ),
        (
            {"boot": {"networks": [{**BOOT, "range": {"first": "10.1.1.4", "last": "10.1.1.9"}}]}},
            ["10.1.1.3", "10.1.1.10"],
        ),
        ({"boot": {"images": "http://10.1.1.3/boot"}}, ["10.1.1.4", "10.1.1.5"]),
        ({"puppet": {"servers": ["10.1.1.3"]}}, ["10.1.1.4", "10.1.1.5"]),
        ({"mirrors": {"debian": "http://10.1.1.3:3142/debian"}}, ["10.1.1.4", "10.1.1.5"]),
        ({"http_proxy": {"enabled": True, "address": "10.1.1.3:3128"}}, ["10.1.1.4", "10.1.1.5"]),
        ({"settings": {"time_server_host": "10.1.1.3"}}, ["10.1.1.4", "10.1.1.5"]),
        ({"settings": {"filebeat_output_hosts": ["10.1.1.3:5044"]}}, ["10.1.1.4", "10.1.1.5"]),
    ],
)
def test_what_dhcp_hands_out_and_servers_that_the_specs_name_is_given_to_no_node(facts, expected):
    assert given_to(with_fleet(tree({"cl1": cluster(networks=flat(), compute={})}), **dict(facts)), "AB") == expected


def test_a_network_that_is_all_dhcps_is_full():
    ranged = {**BOOT, "range": {"first": "10.1.1.1", "last": "10.1.1.254"}}
    spec = with_fleet(tree({"cl1": cluster(networks=flat(), compute={})}), boot={"networks": [ranged]})
    assert one(spec, machine("A", "compute")).on == "a free address: network mgmt of cl1 is full"


def test_a_node_may_be_pinned_to_the_address_of_a_server_and_to_none_of_dhcps():
    ranged = {**BOOT, "dns": ["10.1.1.7"], "range": {"first": "10.1.1.100", "last": "10.1.1.200"}}
    for address, expected in (("10.1.1.7", "enroll"), ("10.1.1.150", "wait")):
        pins = {"A": {"cluster": "cl1", "role": "compute", "address": address}}
        spec = tree({"cl1": cluster(networks=flat(), compute={})}, pins)
        step = one(with_fleet(spec, boot={"networks": [ranged]}), machine("A", "compute"))
        assert kind(step) == expected, step


def test_a_full_network_is_named_and_the_others_keep_their_addresses():
    spec = tree({"cl1": cluster(networks={"tiny": net("10.1.1.0/29")}, compute={})})
    found = steps(spec, [machine(f"M{n}", "compute") for n in range(7)])
    waits = [s for s in found.values() if kind(s) == "wait"]
    assert len(waits) == 2 and {s.on for s in waits} == {"a free address: network tiny of cl1 is full"}


def test_a_vip_that_cannot_be_had_holds_the_cluster():
    held = (replace(VIPS[0], usage="sql", address="203.0.113.77"),)
    networks = {**flat(), "public": net("203.0.113.77/32", public=True)}
    spec = tree({"cl1": cluster(networks=networks, compute={})})
    assert one(spec, machine("A", "compute"), vips=held).on.startswith("an address for the api VIP of cl1")


class TestPins:
    @pytest.mark.parametrize(
        ("pin", "expected"),
        [
            ({"address": "10.1.1.77"}, "10.1.1.77"),
            (
                {"address": "10.9.1.77"},
                "another address: it is pinned to 10.9.1.77, and its network",
            ),
            ({"address": "10.1.1.1"}, "another address: it is pinned to 10.1.1.1, and it is a gateway"),
            ({"address": "10.1.1.2"}, "another address: it is pinned to 10.1.1.2, and OLD has it"),
        ],
    )
    def test_an_address(self, pin, expected):
        spec = tree({"cl1": cluster(networks=flat(), compute={})}, {"A": pin})
        old = holding(machine("OLD", "compute"))
        old = replace(old, allocation=replace(old.allocation, addresses={"mgmt": "10.1.1.2"}))
        step = steps(spec, [old, machine("A", "compute")])["A"]
        got = step.action.addresses["mgmt"] if isinstance(step, Act) else step.on
        assert got.startswith(expected)

    def test_a_hostname(self):
        spec = tree({"cl1": cluster(networks=flat(), compute={})}, {"A": {"hostname": "cl1-compute-1.example.com"}})
        found = steps(spec, [machine("A", "compute"), machine("B", "compute")])
        assert (found["A"].action.hostname, found["A"].action.number) == ("cl1-compute-1.example.com", 0)
        assert found["B"].action.hostname == "cl1-compute-2.example.com"

    def test_a_hostname_that_somebody_has(self):
        old = holding(machine("OLD", "compute"))
        spec = tree({"cl1": cluster(networks=flat(), compute={})}, {"A": {"hostname": old.allocation.hostname}})
        assert steps(spec, [old, machine("A", "compute")])["A"].on.endswith("and OLD has it")


def test_the_lowest_number_that_nobody_holds_is_given():
    spec = tree({"cl1": cluster(compute={})})
    held = [holding(machine(f"H{n}", "compute"), n) for n in (1, 2, 4)]
    todo = planned(spec, [*held, machine("A", "compute"), machine("B", "compute")])
    names = [
        s.action.hostname for s in todo.steps if isinstance(s, Act) and s.action.type == "enroll" and s.serial in "AB"
    ]
    assert names == ["cl1-compute-3.example.com", "cl1-compute-5.example.com"]


def test_two_clusters_whose_names_run_together_get_different_hostnames():
    spec = tree(
        {
            "a": cluster("a", networks={"x": net("10.1.0.0/24", location="z1")}, **{"b-c": {}}),
            "a-b": cluster("a-b", networks={"y": net("10.2.0.0/24", location="z2")}, c={}),
        },
        {"M1": {"role": "b-c"}, "M2": {"role": "c"}},
    )
    found = steps(spec, [machine("M1", zone="z1"), machine("M2", zone="z2")])
    assert sorted(s.action.hostname for s in found.values()) == ["a-b-c-1.example.com", "a-b-c-2.example.com"]
