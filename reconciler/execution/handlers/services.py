"""``BeginPuppet``, and the look at a node's services that is made after each Puppet run, and by the daemon's sweep."""

from collections.abc import Collection

from ...model.actions import BeginPuppet
from ...model.errors import TemporaryError
from ...model.gates import GateName, Reading, Readings
from ...model.rings import RingFile
from ...model.roles import facts_of
from ...provisioning import look, puppet_runs
from ..ports import Shell
from ..seam import offload
from .context import Tools, last_seen, run_checked
from .node import open_node


async def begin_puppet(tools: Tools, action: BeginPuppet) -> None:
    """The node's first boot runs Puppet, or has done so.

    Idempotent: the flag that the first boot takes away as it begins tells whether it has begun.
    """
    await last_seen(tools, action)
    shell = await open_node(tools, action.serial, action.hostname)
    try:
        await run_checked(shell, puppet_runs.BEGIN_FIRST_BOOT, tools.options.answer)
    finally:
        await shell.close()


async def note_services(tools: Tools, shell: Shell, serial: str) -> None:
    """What the node's services say of themselves is known. A connection that breaks leaves it to the sweep."""
    role = await offload(tools.directory.role, serial)
    if role is None:
        return
    rings = await offload(tools.records.rings_for, serial) if facts_of(role).object_store == "swift" else ()
    try:
        found = await read_services(tools, shell, role, rings)
    except TemporaryError:
        return
    await offload(tools.records.services_read, serial, found)


async def read_services(tools: Tools, shell: Shell, role: str, rings: Collection[RingFile]) -> Readings:
    """What the services of a node of this role say of themselves; a look that does not end well closes a gate.

    Args:
        tools: What handlers work with.
        shell: On the node.
        role: The node's.
        rings: Swift's in force for its cluster; none: nobody knows them.

    Raises:
        TemporaryError: The connection broke.
    """
    said = await shell.run(look.READ_CLASSES, timeout=tools.options.answer)
    classes = look.classes_in(said.stdout)
    ran = await shell.run(look.look_command(role, classes, rings), timeout=tools.options.services)
    now = tools.time.now()
    try:
        if ran.status != 0:
            raise ValueError(f"the look ended with {ran.status}: {ran.stderr.strip()[-100:] or 'it said nothing'}")
        return look.parse_look(ran.stdout, classes, now)
    except ValueError as error:
        return Readings(now, (Reading(GateName.LOGIN, str(error), now),), classes)
