"""Nodes that run Puppet by themselves are asked where they were put, wherever anybody called from."""

from dataclasses import replace
from datetime import timedelta

from reconciler.app.watch_puppet import PuppetWatch
from reconciler.model.history import Phase
from reconciler.provisioning import puppet_runs

from ..execution.build import OWN_ADDRESS, SERIAL, World
from ..fakes.machine import run_summary
from ..planning.build import holding, in_phase, machine


async def test_a_node_that_ran_puppet_is_heard_of_at_its_own_address() -> None:
    world = World()
    node = holding(in_phase(machine(SERIAL), Phase.IN_SERVICE), addresses={"mgmt": OWN_ADDRESS})
    assert node.seen is not None
    node = replace(node, seen=replace(node.seen, address="192.0.2.99"))
    world.machine.installed_runs, world.machine.last_run = True, run_summary()
    world.shells.machines = {OWN_ADDRESS: world.machine}
    assert await PuppetWatch(world.tools, timedelta(minutes=10)).look([node], lambda serial: False)
    assert (len(world.records.ran), world.machine.log[0]) == (1, puppet_runs.READ_LAST_RUN)
    nowhere = replace(node, serial="B002", allocation=None)
    assert not await PuppetWatch(world.tools, timedelta(minutes=10)).look([nowhere], lambda serial: False)
