"""Gates and the order of bring-up: whose first Puppet run waits for whom, and what a closed gate holds back."""

from dataclasses import replace
from datetime import timedelta

import pytest

from reconciler.model.actions import BeginPuppet, InstallOs, RunPuppet
from reconciler.model.events import Advanced, Started
from reconciler.model.gates import Gate, GateName
from reconciler.model.history import Phase
from reconciler.model.machine import DocumentVersion, InstallStatus, MachineView, Power
from reconciler.model.plan import Act, Advance, Settled, Step, Wait
from reconciler.model.reasons import Reason
from reconciler.planning.gates import closed_by_serial, explained_gates, gates_by_serial

from .build import (
    MINUTE,
    NOW,
    VIPS,
    cluster,
    given,
    holding,
    in_phase,
    kind,
    looked_at,
    machine,
    plan,
    saying,
    serving,
    silent,
    tree,
    with_history,
)
from .fleet import Fleet, Server

HOUR = timedelta(hours=1)
OLD = DocumentVersion("d2", NOW - HOUR)
ROLES = ("sql", "messaging", "controller", "compute", "network", "cephosd", "swiftstore")
CLOUD = tree(
    {"cl1": cluster(sql={"count": 3}, messaging={"count": 1}, controller={"count": 1}, compute={})}, profiles=ROLES
)
RUN = {"last_done": "run_puppet", "last_done_at": NOW - MINUTE, "last_begun": "run_puppet", "touched": NOW - MINUTE}
BOOTED = {"last_done": "boot_disk", "last_begun": "boot_disk", "touched": NOW - 2 * MINUTE}


def held_back(serial: str, role: str, number: int = 1, status=InstallStatus.FIRSTBOOT, **history) -> MachineView:
    """A machine that has come up from its disk for the first time, and says so."""
    m = holding(in_phase(machine(serial, role), Phase.INSTALLED, **{**BOOTED, **history}), number)
    return saying(m, status) if status else silent(m)


def steps(*machines: MachineView, spec=CLOUD, **more) -> dict[str, Step]:
    return {step.serial: step for step in plan(given(spec, machines, vips=VIPS, **more)).steps}


def sqls(*well: bool) -> list[MachineView]:
    """The database, of which some are in service, and the others fall behind."""
    return [
        looked_at(serving(f"S{n}", n, "sql"), **({} if good else {"galera": "Joining"}))
        for n, good in enumerate(well, 1)
    ]


class TestBringUp:
    @pytest.mark.parametrize(
        ("others", "expected"),
        [
            ((), Reason.BRING_UP),
            (sqls(True), Reason.BRING_UP),  # there is no message queue yet
            ((*sqls(True), looked_at(serving("M", 1, "messaging"))), Reason.PUPPET_MAY_BEGIN),
            ((*sqls(True, True, False), looked_at(serving("M", 1, "messaging"))), Reason.PUPPET_MAY_BEGIN),
            ((*sqls(True, False, False), looked_at(serving("M", 1, "messaging"))), Reason.BRING_UP),
            ((*sqls(True), looked_at(serving("M", 1, "messaging"), rabbitmq="no answer")), Reason.BRING_UP),
            ((*sqls(True), serving("M", 1, "messaging")), Reason.PUPPET_MAY_BEGIN),  # nobody ever looked: as it was
        ],
        ids=["nobody", "no queue", "both", "a majority", "no majority", "a queue that is dead", "not known"],
    )
    def test_a_controller_waits_for_database_and_queue(self, others, expected):
        assert steps(held_back("A", "controller"), *others)["A"].reason is expected

    def test_a_compute_waits_for_the_controller_and_is_told_which_gate_is_closed(self):
        others = (*sqls(True, True, True), looked_at(serving("M", 1, "messaging")))
        dead = looked_at(serving("C", 1), keystone="no token: HTTP/1.1 503 Service Unavailable")
        step = steps(held_back("A", "compute"), dead, *others)["A"]
        assert isinstance(step, Wait)
        assert step.on == (
            "the controller machines of cl1: 0 of 1 serve; cl1-controller-1.example.com: keystone is "
            '"no token: HTTP/1.1 503 Service Unavailable" since 2026-11-23 09:59 UTC, and opens at "token"'
        )
        assert step.gates == (
            Gate(GateName.KEYSTONE, "no token: HTTP/1.1 503 Service Unavailable", "token", NOW - MINUTE, False),
        )
        assert step.gates_of == "cl1-controller-1.example.com"
        assert isinstance(steps(held_back("A", "compute"), looked_at(serving("C", 1)), *others)["A"], Act)

    @pytest.mark.parametrize(
        ("m", "expected"),
        [
            (held_back("A", "controller", status=InstallStatus.PUPPET_RUNNING), Reason.PUPPET_RUNS),
            (held_back("A", "controller", status=InstallStatus.PUPPET_FAILURE), Reason.BRING_UP),
            (held_back("A", "controller", status=InstallStatus.PUPPET_SUCCESS), Reason.PUPPET_UNSEEN),
            (held_back("A", "controller", status=None), Reason.FIRST_WORD_DUE),
            (held_back("A", "controller", status=None, touched=NOW - 30 * MINUTE), Reason.BRING_UP),
            (held_back("A", "sql"), Reason.PUPPET_RUNS),  # it needs nobody, and was never held
        ],
        ids=["runs already", "would run again", "has succeeded", "comes up", "says nothing", "needs nobody"],
    )
    def test_only_what_would_run_puppet_is_held(self, m, expected):
        assert steps(m)["A"].reason is expected

    def test_once_it_may_begin_its_words_are_waited_for(self):
        ready = (*sqls(True), looked_at(serving("M", 1, "messaging")))
        begun = held_back("A", "controller", last_begun="begin_puppet", last_done="begin_puppet")
        assert steps(begun, *ready)["A"].reason is Reason.PUPPET_RUNS
        late = with_history(begun, touched=NOW - 61 * MINUTE)
        late = saying(late, InstallStatus.FIRSTBOOT, NOW - 62 * MINUTE / 2 - 30 * MINUTE)
        assert isinstance(steps(with_history(late, install_begun=NOW - 2 * HOUR), *ready)["A"].action, RunPuppet)

    @pytest.mark.parametrize(
        "m",
        [
            saying(
                held_back("A", "controller", install_begun=NOW - 9 * HOUR, touched=NOW - 8 * HOUR),
                InstallStatus.FIRSTBOOT,
                NOW - 8 * HOUR,
            ),
            held_back("A", "controller", status=None, touched=NOW - 30 * MINUTE),
            held_back("A", "controller", last_begun="begin_puppet", failures=1),
        ],
        ids=["held for hours", "says nothing", "could not be told"],
    )
    def test_a_first_boot_that_is_held_is_let_go_and_puppet_is_not_run_beside_it(self, m):
        ready = (*sqls(True), looked_at(serving("M", 1, "messaging")))
        assert isinstance(steps(m, *ready)["A"].action, BeginPuppet)

    def test_the_plan_lets_all_begin_at_once_that_may(self):
        others = (looked_at(serving("M", 1, "messaging")), looked_at(serving("C", 1)), *sqls(True))
        found = steps(*(held_back(f"A{n}", "compute", n) for n in range(1, 4)), *others)
        assert all(isinstance(found[f"A{n}"].action, BeginPuppet) for n in range(1, 4))

    def test_slots_for_installs_go_by_the_order_of_bring_up_and_not_by_serial(self):
        spec = tree(
            {"cl1": cluster(sql={"count": 3}, messaging={"count": 1}, controller={"count": 1}, compute={})},
            policy={"max_destructive": 3},
            profiles=ROLES,
        )
        wanted = ["compute"] * 5 + ["controller", "messaging", "sql"]
        fleet = [holding(in_phase(machine(f"{n:02}", role), Phase.ENROLLED), n) for n, role in enumerate(wanted, 1)]
        found = steps(*fleet, spec=spec)
        installed = {s.role for s in found.values() if isinstance(s, Act) and isinstance(s.action, InstallOs)}
        assert installed == {"controller", "messaging", "sql"}

    def test_where_controllers_run_the_monitors_osds_come_after_them_and_not_before(self):
        spec = tree({"cl1": cluster(controller={"count": 1}, cephosd={"count": 1})}, profiles=ROLES)
        assert steps(held_back("A", "controller"), spec=spec)["A"].reason is Reason.PUPPET_RUNS
        assert steps(held_back("B", "cephosd"), spec=spec)["B"].reason is Reason.BRING_UP
        stage = looked_at(serving("A", 1), classes=("oci::generic", "oci::cephmon"))
        assert steps(held_back("B", "cephosd"), stage, spec=spec)["B"].reason is Reason.PUPPET_MAY_BEGIN


class TestAnExplanation:
    OTHERS = (*sqls(True, True, True), looked_at(serving("M", 1, "messaging")))

    def explained(self, *machines: MachineView, of: str = "A"):
        return explained_gates(CLOUD, {m.serial: m for m in machines}, of)

    def test_it_tells_closed_gates_first_with_value_threshold_and_since_when(self):
        found = self.explained(*sqls(True, True), looked_at(serving("A", 3, "sql"), galera_size="1"))
        first, *rest = found.own
        assert first == Gate(GateName.GALERA_SIZE, "1", "3 or more", NOW - MINUTE, False)
        assert rest and all(gate.holds for gate in rest)
        assert (found.needs, found.of, found.others) == (None, None, ())

    def test_it_tells_which_gate_of_which_machine_a_first_run_waits_for_as_the_plan_does(self):
        machines = (held_back("A", "compute"), looked_at(serving("C", 1), keystone="no token"), *self.OTHERS)
        found, step = self.explained(*machines), steps(*machines)["A"]
        assert found.of == "cl1-controller-1.example.com"
        assert [gate.name for gate in found.others] == [GateName.KEYSTONE]
        assert (found.needs, found.of, found.others) == (step.on, step.gates_of, step.gates)
        assert all(gate.holds is None for gate in found.own)

    def test_a_role_without_machines_is_needed_all_the_same(self):
        found = self.explained(held_back("A", "controller"))
        assert (found.needs, found.of) == ("a sql machine of cl1: it has none yet", None)

    def test_a_node_on_which_puppet_has_run_needs_nobody(self):
        assert self.explained(looked_at(serving("A", 1))).needs is None

    def test_a_node_without_a_system_has_no_gates_yet(self):
        found = self.explained(holding(in_phase(machine("A", "controller"), Phase.ENROLLED)), *self.OTHERS)
        assert (found.own, found.needs) == ((), None)


class TestAClosedGate:
    DEAD = looked_at(serving("A", 1, "compute"), units="nova-compute is failed")

    def test_a_node_whose_service_is_dead_is_not_in_service_and_says_which(self):
        m = looked_at(holding(in_phase(machine("A", "compute"), Phase.INSTALLED, **RUN)), units="nova-compute is dead")
        step = steps(m)["A"]
        assert isinstance(step, Wait) and step.reason is Reason.GATE_CLOSED
        assert 'units is "nova-compute is dead" since 2026-11-23 09:59 UTC, and opens at "all active"' in step.on
        assert [gate.name for gate in step.gates] == [GateName.UNITS]

    @pytest.mark.parametrize(
        ("ran", "shut", "read", "expected"),
        [
            (11, {"ports": "873 does not listen"}, 11, "run_puppet"),
            (9, {"ports": "873 does not listen"}, 9, "wait"),
            (9, {"ports": "873 does not listen"}, 21, "wait"),  # it has been run again already
            (11, {"ports": "873 does not listen"}, 22, "run_puppet"),
            (31, {"ports": "873 does not listen"}, 31, "wait"),  # for an operator
            (11, {"login": "no answer"}, 11, "wait"),
            (11, {"ports": "873 does not listen", "swift_rings": "account"}, 11, "wait"),
            (11, {}, 11, "-> in-service"),
        ],
        ids=["late", "soon", "run again", "in vain", "long in vain", "unreachable", "rings", "open"],
    )
    def test_puppet_is_run_again_before_an_operator_is_asked(self, ran, shut, read, expected):
        """rsync on a store is started by the Puppet run after the first."""
        history = {**RUN, "last_done_at": NOW - ran * MINUTE, "touched": NOW - ran * MINUTE}
        m = holding(in_phase(machine("A", "swiftstore"), Phase.INSTALLED, **history))
        spec = tree({"cl1": cluster(swiftstore={})}, profiles=ROLES)
        step = steps(looked_at(m, at=NOW - read * MINUTE, **shut), spec=spec)["A"]
        assert kind(step) == expected
        if isinstance(step, Act):
            assert (step.action.again, step.reason) == (True, Reason.GATE_CLOSED)
            assert 'ports is "873 does not listen"' in step.because

    def test_one_in_service_is_shown_and_left_alone(self):
        step = steps(self.DEAD)["A"]
        assert (step.reason, step.wants_operator) == (Reason.GATE_CLOSED, False)

    def test_an_operator_is_asked_after_a_time(self):
        long = looked_at(serving("A", 1, "compute"), at=NOW - 31 * MINUTE, units="nova-compute is failed")
        step = steps(long)["A"]
        assert (step.reason, step.wants_operator) == (Reason.GATE_STAYS_CLOSED, True)

    def test_it_counts_as_out_of_service(self):
        spec = tree({"cl1": cluster(compute={})}, policy={"max_unavailable": {"compute": 1}}, profiles=ROLES)
        behind = replace(serving("B", 2, "compute"), document=OLD)
        behind = replace(behind, seen=replace(behind.seen, last_puppet_began=NOW - 2 * HOUR))
        assert kind(steps(behind, serving("A", 1, "compute"), spec=spec)["B"]) == "roll_out"
        assert steps(behind, self.DEAD, spec=spec)["B"].reason is Reason.PEERS_OUT

    def test_a_new_document_is_still_given_to_it_as_that_may_mend_it(self):
        behind = replace(self.DEAD, document=OLD)
        behind = replace(behind, seen=replace(behind.seen, last_puppet_began=NOW - 2 * HOUR))
        assert kind(steps(behind)["A"]) == "roll_out"

    @pytest.mark.parametrize(("role", "count", "at_once"), [("controller", 3, 1), ("compute", 4, 2)])
    def test_a_document_that_mends_all_of_a_role_reaches_them_a_few_at_a_time(self, role, count, at_once):
        spec = tree({"cl1": cluster(**{role: {}})}, policy={"max_unavailable": {"default": 2}}, profiles=ROLES)
        broken = [looked_at(serving(f"A{n}", n, role), failed_units="x.service") for n in range(count)]
        behind = [replace(m, document=OLD, seen=replace(m.seen, last_puppet_began=NOW - 2 * HOUR)) for m in broken]
        found = steps(*behind, spec=spec)
        assert sum(kind(step) == "roll_out" for step in found.values()) == at_once
        assert {step.reason for step in found.values() if kind(step) == "wait"} == {Reason.PEERS_OUT}

    def test_what_nobody_ever_read_is_unknown_and_takes_nobody_out(self):
        m = serving("A", 1, "compute")
        assert isinstance(steps(m)["A"], Settled)
        assert [(gate.value, gate.holds) for gate in gates_by_serial([m])["A"]] == [(None, None)] * 3

    def test_a_size_is_compared_with_those_whose_services_run(self):
        pool = [looked_at(serving(f"S{n}", n, "sql"), galera_size="2") for n in (1, 2)]
        coming = holding(in_phase(machine("S3", "sql"), Phase.INSTALLED, **BOOTED), 3)
        sizes = {g.name: g.holds for g in gates_by_serial([*pool, coming])["S1"]}
        assert sizes[GateName.GALERA_SIZE] is True
        third = looked_at(holding(in_phase(machine("S3", "sql"), Phase.INSTALLED, **RUN), 3), galera_size="1")
        gates = gates_by_serial([*pool, third])
        assert {g.name: g.holds for g in gates["S3"]}[GateName.GALERA_SIZE] is False
        assert {g.name: g.threshold for g in gates["S1"]}[GateName.GALERA_SIZE] == "3 or more"

    @pytest.mark.parametrize(
        ("third", "sizes", "shut"),
        [
            ({"login": "cannot connect to 10.1.1.4: timed out"}, ("2", "2"), {"S3"}),
            ({"galera": "no answer: ERROR 2002"}, ("2", "2"), {"S3"}),
            ({"power": Power.OFF}, ("2", "2"), set()),  # who is off is out of service by its power
            ({"login": "cannot connect to 10.1.1.4: timed out"}, ("2", "1"), {"S2", "S3"}),
            ({"units": "mariadb is failed"}, ("2", "2"), {"S1", "S2", "S3"}),  # it says itself that it is a member
            ({"galera_size": "1"}, ("2", "2"), {"S1", "S2", "S3"}),  # two clusters: nobody knows which one holds
        ],
        ids=["dead", "no database", "off", "and split", "a member", "two clusters"],
    )
    def test_a_dead_member_closes_no_gate_of_the_others(self, third, sizes, shut):
        seen = {"power": third.pop("power")} if "power" in third else {}
        pool = [looked_at(serving(f"S{n}", n, "sql"), galera_size=size) for n, size in enumerate(sizes, 1)]
        dead = looked_at(serving("S3", 3, "sql", **seen), **third)
        assert set(closed_by_serial(gates_by_serial([*pool, dead]))) == shut

    def test_a_queue_that_lost_a_member_is_as_ready_as_it_can_be(self):
        pool = [looked_at(serving(f"M{n}", n, "messaging"), rabbitmq_size="2") for n in (1, 2)]
        dead = looked_at(serving("M3", 3, "messaging"), rabbitmq="no answer: nodedown")
        assert set(closed_by_serial(gates_by_serial([*pool, dead]))) == {"M3"}

    @pytest.mark.parametrize(("reinstalled", "lets"), [("S1", False), ("S3", True)])
    def test_of_a_database_with_a_dead_member_only_that_one_is_reinstalled(self, reinstalled, lets):
        spec = tree(
            {"cl1": cluster(sql={"count": 3}, controller={"count": 1})},
            machines={reinstalled: {"reinstall": "r1"}},
            policy={"reinstall": "automatic", "max_unavailable": {"sql": 3}},
            profiles=ROLES,
        )
        pool = [looked_at(serving(f"S{n}", n, "sql"), galera_size="2") for n in (1, 2)]
        dead = looked_at(serving("S3", 3, "sql"), login="cannot connect to 10.1.1.4: timed out")
        found = steps(*pool, dead, held_back("A", "controller"), spec=spec)
        assert isinstance(found[reinstalled], Advance) is lets
        assert isinstance(found["A"].action, BeginPuppet)  # two of three serve


def test_a_cloud_comes_up_in_order_whatever_the_serials_are():
    """First the database and the queue, then the controller, then computes; no slot goes to a compute before them."""
    roles = ["compute", "compute", "compute", "controller", "messaging", "sql", "sql"]
    spec = tree(
        {"cl1": cluster(sql={"count": 2}, messaging={"count": 1}, controller={"count": 1}, compute={"count": 3})},
        policy={"max_destructive": 2},
        profiles=ROLES,
    )
    fleet = Fleet.of(spec, [Server(f"{n:02}", role, held=True) for n, role in enumerate(roles)])
    for _ in range(60):
        fleet.a_minute_passes()
    first_puppet = {}
    for at, event in enumerate(fleet.journal.events):
        if isinstance(event, Started) and isinstance(event.action, BeginPuppet | RunPuppet):
            first_puppet.setdefault(fleet.servers[event.serial].role, at)
    served = {}
    for at, event in enumerate(fleet.journal.events):
        if isinstance(event, Advanced) and event.to is Phase.IN_SERVICE:
            served[fleet.servers[event.serial].role] = at
    assert set(served) == set(roles)
    assert max(served["sql"], served["messaging"]) < first_puppet["controller"]
    assert served["controller"] < first_puppet["compute"]
    installs = [e.serial for e in fleet.journal.events if isinstance(e, Started) and isinstance(e.action, InstallOs)]
    assert [fleet.servers[serial].role for serial in installs][-3:] == ["compute"] * 3
