"""Certificates that end soon: who renews them, how many at a time, and which come first."""

from datetime import timedelta

from reconciler.model.actions import RenewCertificates
from reconciler.model.machine import Certificate, Pause, SecretRef
from reconciler.model.plan import Act, Settled

from .build import NOW, VIPS, cluster, kind, kinds, one, serving, steps, tree

SPEC = tree({"cl1": cluster(controller={}, compute={})}, policy={"max_renewals": 2})
SOON = NOW + timedelta(days=29)


def ending(owner: str, name: str = "client", at=SOON) -> Certificate:
    return Certificate(SecretRef(owner, "pki", name, "certificate"), at)


def host(number: int) -> str:
    return f"cl1-controller-{number}.example.com"


def renewed(found) -> dict[str, list[str]]:
    acts = {s.serial: s.action for s in found.values() if isinstance(s, Act)}
    return {n: [c[2] for c in a.certificates] for n, a in acts.items() if isinstance(a, RenewCertificates)}


def test_a_node_renews_what_ends_within_a_month():
    step = one(SPEC, serving("A", 1), vips=VIPS, certificates=(ending(host(1)),))
    assert (kind(step), step.because) == ("renew_certificates", "its certificate ends on 2026-12-22")
    assert step.action.certificates == ((host(1), "pki", "client", SOON.isoformat()),)


def test_what_ends_later_is_left_alone():
    late = ending(host(1), at=NOW + timedelta(days=31))
    assert isinstance(one(SPEC, serving("A", 1), vips=VIPS, certificates=(late,)), Settled)


def test_those_of_a_cluster_are_brought_along_by_its_first_machine_and_of_nobody_by_none():
    due = (ending("cl1", "api"), ending("gone-1.example.com"), ending("cl1", "swiftproxy"))
    found = steps(SPEC, [serving("A", 1), serving("B", 2)], vips=VIPS, certificates=due)
    assert renewed(found) == {"A": ["api", "swiftproxy"]}


def test_the_authorities_come_first_and_the_root_before_what_it_signs():
    due = [ending(host(1)), ending("fleet", "oci_ca"), ending("fleet", "root_ca", SOON + timedelta(hours=1))]
    fleet = [serving("A", 1), serving("B", 2)]
    for expected in ({"A": ["root_ca"]}, {"A": ["oci_ca"]}, {"A": ["client"]}):
        assert renewed(steps(SPEC, fleet, vips=VIPS, certificates=tuple(due))) == expected
        due.pop()


def test_renewals_have_a_budget_of_their_own():
    due = tuple(ending(host(n)) for n in range(1, 5))
    found = steps(SPEC, [serving(s, n) for n, s in enumerate("ABCD", 1)], vips=VIPS, certificates=due)
    assert kinds(found) == {"A": "renew_certificates", "B": "renew_certificates", "C": "wait", "D": "wait"}
    assert found["C"].on == "a free slot: max_renewals lets 2 have their certificates renewed at a time"


def test_a_certificate_from_a_file_wants_an_operator():
    api = {"certificate": "/etc/reconciler/api.pem"}
    spec = tree({"cl1": {**cluster(controller={}), "api": api}})
    step = one(spec, serving("A", 1), vips=VIPS, certificates=(ending("cl1", "api"),))
    assert step.on == (
        "an operator: the certificate cl1:pki/api ends on 2026-12-22; put a newer one into /etc/reconciler/api.pem"
    )


def test_a_pause_holds_it():
    pauses = (Pause("fleet", "alice", "power work", NOW),)
    step = one(SPEC, serving("A", 1), vips=VIPS, certificates=(ending(host(1)),), pauses=pauses)
    assert step.on == "the end of a pause (fleet, by alice: power work); then renew_certificates"
