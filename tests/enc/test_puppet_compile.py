"""Nodes of every role, from specs that an operator wrote to a catalog that Puppet compiled."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import cache
from itertools import groupby
from pathlib import Path

import pytest
import yaml

from reconciler.app.site import Site
from reconciler.model.machine import Allocation
from reconciler.model.roles import BUILT_IN_ROLES
from reconciler.model.signature import Parameter, Signatures, parse

from ..reference import facts
from ..reference.versions import parsed
from . import options
from .accepted import refusals
from .broker import Broker
from .catalogs import EVERY_NODE, Catalog, Puppet
from .debian_programs import Programs
from .debian_services import Services
from .enrolled import documents, enroll, into_service, site_of
from .node_facts import puppet_conf, without_legacy_facts
from .puppet_modules import VERSION, Modules
from .servers import placed

pytestmark = pytest.mark.puppet

SPECS = Path(__file__).parents[2] / "examples/all-roles"
ROLES: dict[str, str] = {
    profile["metadata"]["name"]: profile["spec"]["role"]
    for profile in yaml.safe_load_all((SPECS / "profiles.yaml").read_text())
}
"""By profile: nodes of one role may differ as much as nodes of two."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with closing(site_of(SPECS, tmp_path_factory.mktemp("site"))) as site:
        enroll(site, placed())
        yield site


@pytest.fixture(scope="module")
def chosen(site: Site) -> frozenset[str]:
    """Hostnames of the nodes to compile."""
    held = sorted(site.snapshot().allocations.values(), key=lambda one: (one.profile, one.hostname))
    groups = (list(group) for _, group in groupby(held, key=lambda one: one.profile))
    return frozenset(one.hostname for group in groups for one in (group if EVERY_NODE else group[:1]))


@pytest.fixture(scope="module")
def at_first(site: Site, chosen: frozenset[str]) -> Mapping[str, bytes]:
    """The documents before any node is in service, by hostname."""
    return documents(site, lambda held: held.hostname in chosen)


def test_what_classes_accept_is_what_the_module_itself_says(puppet: Puppet) -> None:
    """Its manifests, read by us, beside what Puppet's own parser once read."""
    manifests = sorted((puppet.modules.folder / "oci/manifests").rglob("*.pp"))
    found = {name: rows for path in manifests for name, rows in parse(path.read_text()).items()}
    assert Signatures(VERSION, found) == facts.signatures(VERSION)


def test_puppets_parser_reads_again_what_it_once_read(puppet: Puppet) -> None:
    found: dict[str, dict[str, Parameter]] = {}
    for puppet_class, parameter, default in parsed(puppet.modules.folder / "oci"):
        accepts = found.setdefault(puppet_class, {})
        if parameter:
            accepts[parameter] = Parameter(default or None)
    assert Signatures(VERSION, found) == facts.signatures(VERSION)


def test_what_a_class_does_not_accept_does_not_compile(puppet: Puppet) -> None:
    with pytest.raises(AssertionError, match="has no parameter named 'colour'"):
        puppet.compile("node.example.com", "custom", b"classes: {oci::generic: {colour: red}}")


def test_a_compiler_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ruby").write_text("#!/bin/sh\nexec sleep 600\n")
    (tmp_path / "ruby").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    given_up = pytest.raises(AssertionError, match="a catalog that takes 1 s is given up")
    with Puppet(Modules(tmp_path), tmp_path, limit=1) as hangs, given_up:
        hangs.compile("node.example.com", "custom", b"classes: {}")


@pytest.mark.waits
def test_the_example_has_nodes_of_every_role(site: Site) -> None:
    held = site.snapshot().allocations.values()
    assert {one.role for one in held} == set(BUILT_IN_ROLES)
    assert {one.profile for one in held} == set(ROLES)


@pytest.fixture(scope="module")
def catalogs_of(site: Site, at_first: Mapping[str, bytes], puppet: Puppet) -> Callable[[str], list[Catalog]]:
    """The catalogs of the nodes to compile, by profile."""

    @cache
    def compiled(profile: str) -> list[Catalog]:
        allocated = site.snapshot().allocations.values()
        held = [one for one in allocated if one.profile == profile and one.hostname in at_first]
        return [puppet.compile(one.hostname, one.role, at_first[one.hostname]) for one in held]

    return compiled


@pytest.mark.parametrize("profile", ROLES)
def test_a_node_of_each_profile_compiles(catalogs_of: Callable[[str], list[Catalog]], profile: str) -> None:
    assert catalogs_of(profile)


@pytest.mark.parametrize("profile", ROLES)
def test_debians_programs_take_what_a_node_of_each_profile_is_given(
    catalogs_of: Callable[[str], list[Catalog]], programs: Programs, profile: str
) -> None:
    assert [refusals(one, programs) for one in catalogs_of(profile)] == [[] for _ in catalogs_of(profile)]


@pytest.mark.parametrize("profile", ROLES)
def test_openstacks_services_know_the_options_of_a_node_of_each_profile_and_take_the_values(
    catalogs_of: Callable[[str], list[Catalog]], services: Services, profile: str
) -> None:
    found = [options.refusals(one, services) for one in catalogs_of(profile)]
    assert found == [[] for _ in catalogs_of(profile)]


def test_each_option_that_is_said_to_be_without_effect_is_still_written(
    catalogs_of: Callable[[str], list[Catalog]], services: Services
) -> None:
    found = {fault for profile in ROLES for one in catalogs_of(profile) for fault in options.faults(one, services)}
    assert {f"{one}: unknown" for some in options.UNKNOWN.values() for one in some} <= found


@pytest.mark.parametrize("profile", ["controller", "messaging"])
def test_rabbitmq_starts_with_what_a_node_of_each_profile_that_runs_it_is_given(
    catalogs_of: Callable[[str], list[Catalog]], broker: Broker, profile: str
) -> None:
    assert [broker.refusals(one) for one in catalogs_of(profile)] == [[] for _ in catalogs_of(profile)]


@pytest.mark.parametrize("profile", ["controller", "messaging"])
def test_rabbitmq_4_is_not_asked_for_mirrored_queues(catalogs_of: Callable[[str], list[Catalog]], profile: str) -> None:
    for catalog in catalogs_of(profile):
        (joins,) = (one for one in catalog.of_type("Exec") if one.title == "auto-join-rabbit-cluster")
        assert joins.parameters["command"].endswith(" --no-ha-queues")
        ends = "oslo_messaging_rabbit/rabbit_ha_queues"
        mirrored = [
            one for one in catalog.resources if one.title.endswith(ends) and one.parameters["value"] is not False
        ]
        assert mirrored == []


def test_without_legacy_facts_debians_collectd_module_does_not_compile(
    at_first: Mapping[str, bytes], puppet: Puppet
) -> None:
    hostname = next(one for one in at_first if "-swiftstore-" in one)
    fails = r"Class\[Collectd\]: parameter 'collectd_hostname' expects a String value, got Undef"
    with pytest.raises(AssertionError, match=fails):
        puppet.compile(hostname, "swiftstore", at_first[hostname], without_legacy_facts(puppet_conf()))


def test_computes_that_run_osds_compile_once_their_controllers_are_there(
    site: Site, chosen: frozenset[str], at_first: Mapping[str, bytes], puppet: Puppet
) -> None:
    def wanted(held: Allocation) -> bool:
        return held.hostname in chosen and held.profile == "compute-with-osds"

    into_service(site, "controller")
    for hostname, document in documents(site, wanted).items():
        assert b"\n  oci::cephosd:" in at_first[hostname]
        assert b"\n  oci::compute:" in document
        puppet.compile(hostname, "compute", document)
