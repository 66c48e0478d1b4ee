"""The dialogue with a machine over SSH: every command, every file, and how its answers are read.

Handlers send these and nothing else; the simulator answers these and nothing else. What is said of Puppet's runs is in
``puppet_runs``, of ring files in ``ring_files``, of services in ``look``. The dialogue of an install::

    READ_SERIAL                      is it the machine we mean?
    READ_UNIT, then READ_STATE       does an install run, did one end?
    LIST_DISKS                       are the disks still those the plan saw?
    READ_SIGNATURES                  do they hold nothing but what may be erased?
    put fence_file(...), fence.LOOK  is there a system of ours on them?
    put install_files(...)           the wrapper, and what the installed system gets
    START_INSTALL                    detached: a lost connection or a dead daemon does not kill it
    READ_UNIT, READ_STATE, READ_PROGRESS ...    until it is done

The installer runs at most once at a time: systemd refuses a second unit of the same name, and the wrapper holds a
lock on the machine. It runs at most once per action: the wrapper ends at once when the state file says that this
action is done, or when a system on the disks says so. Right before the installer the wrapper looks at the disks once
more (``fence``), and right after it the installed system is marked as finished.
"""

import json
import re
import shlex
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

from ..model.actions import InstallOs
from ..model.files import File, private, public
from ..model.serials import spellings
from . import fence, fence_script

READ_BOOT_ID = "cat /proc/sys/kernel/random/boot_id"
"""A UUID that is new at every boot (random(4)); tells a rebooted machine from one whose host key was swapped."""

SERIAL_FILE = "/etc/oci/system-serial"
"""In the live system and, copied by the wrapper, in the installed one: the serial that an operator wrote for a machine
whose firmware has none. It counts alone, for the agent too."""

FIRST_LINE = "sed -n '/^#/d; s/[[:space:]]*$//; /./{p;q;}'"
"""What counts of that file, by the text that the agent has."""

READ_SERIAL = (
    f"if [ -s {SERIAL_FILE} ]; then {FIRST_LINE} {SERIAL_FILE}; else "
    "dmidecode -s system-serial-number; dmidecode -s baseboard-serial-number; "
    "dmidecode -s chassis-serial-number; dmidecode -s system-uuid; fi"
)
"""Every number the firmware has for the machine, one a line. The agent reports one of them, and which one depends on
the vendor (Supermicro's system serial is the same on every board). Answer: ``serials_in``."""

LIST_DISKS = "lsblk --bytes --json --exclude 1,2,7,11,31 --output NAME,TYPE,SIZE,MODEL,SERIAL,WWN,RO,ZONED,SUBSYSTEMS"
"""Every block device, each with its partitions, but what our agent leaves out, too: RAM disks, floppies, loop devices,
optical drives, and flash chips with the firmware (MTD). Answer: ``disks.parse_lsblk``, ``disks.real``."""

READ_SIGNATURES = (
    "lsblk --bytes --noheadings --list --output NAME,TYPE,SIZE | while read -r name type size; do "
    "case $type:$size in *:0) ;; disk:*|part:*) "
    'wipefs --json --no-act "/dev/$name" || printf \'{"unread": "%s"}\\n\' "$name" ;; '
    "esac; done"
)
"""What is written on every disk and partition, read from them right now. Answer: ``disks.parse_contents``."""

READ_OCI_SYSTEM = "[ ! -e /run/live ] && cat /etc/oci/my-role && echo && hostname --fqdn"
"""Role and name of a system that OCI installed, which has no marker. No live system has both its own medium and this.
Answer: ``parse_oci_system``."""

STATE_FILE = "/run/reconciler/install.json"
"""How far the install is, in the live system's memory: gone with the next boot, as it should be."""

SCRIPT_FILE = "/run/reconciler/install.sh"
LOCK_FILE = "/run/reconciler/lock"
LOG_FILE = "/var/log/oci.log"
"""The installer's output; where OCI puts it, so that operators find it."""

UNIT = "reconciler-install"

READ_STATE = f"cat {STATE_FILE}"
"""Exit 0 and the text of ``InstallState``; any other exit: no install was begun since this system booted."""

READ_UNIT = f"systemctl is-active {UNIT}.service"
"""Prints ``active`` or ``activating`` while the wrapper runs. Ask this before READ_STATE: then "not active" and
"running" together mean that the wrapper was killed, not that it ended in between."""

READ_PROGRESS = f"tail -n 1 {LOG_FILE}"
"""The last line the installer printed."""

START_INSTALL = f"systemd-run --unit={UNIT} --collect /bin/sh {SCRIPT_FILE}"
"""Exit 0 once the unit is started. Not 0 when a unit of that name runs already: look at READ_STATE."""

TARGET = "/oci-in-target"
"""Files below this folder of the live system are copied to the root of the installed one by OCI's hook script."""

ROOT_HOME = "/root"
ROOT_KEYS_FILE = f"{ROOT_HOME}/.ssh/authorized_keys"
"""Of root, in the live system and in the installed one: who may log in."""

SERVER_FILE = "/etc/oci/pxe-server-ip"
"""In the live system and, copied by us, in the installed one: the address of this server."""

MARKER_FILE = "/etc/reconciler/install.json"
"""In the installed system: the text of ``Marker``, which proves that we installed it, and for whom."""

BOOTED_FILE = fence_script.BOOTED.format(MARKER_FILE)
"""There once the installed system was booted: it may serve, however its installer ended."""

BOOTED_CONF = "/etc/tmpfiles.d/reconciler.conf"
_BOOTED_TEXT = f"# Tells an install of tomorrow that this system ran.\nf! {BOOTED_FILE} 0600 root root - -\n"
"""tmpfiles.d(5): a file is made where there is none; with the exclamation mark at boot only."""

READ_MARKER = f"cat {MARKER_FILE}"
"""Exit 0 and the text of ``Marker``; any other exit: this is not a system of ours (the live system, for one)."""

ROOT_LOGIN_FILE = "/run/reconciler/root-login"
"""``root:PASSWORD``, for as long as it takes to set it; in memory."""

SET_ROOT_PASSWORD = f"chpasswd < {ROOT_LOGIN_FILE}; status=$?; rm -f {ROOT_LOGIN_FILE}; exit $status"

ADMINISTRATOR_FILE = f"{ROOT_HOME}/oci-openrc"
"""On controllers: OCI's classes put the administrator's credentials there, as variables of a shell."""

_ON_CONTROLLER = f"export HOME={ROOT_HOME}; test ! -e {ADMINISTRATOR_FILE} || . {ADMINISTRATOR_FILE}; "


def on_controller(command: str) -> str:
    """An operator's command, run by the shell as the cluster's administrator."""
    return f"/bin/sh -c {shlex.quote(_ON_CONTROLLER + command)}"


def is_on_controller(command: str) -> str | None:
    """The operator's command in what ``on_controller`` made; None for anything else."""
    if not command.startswith("/bin/sh -c "):
        return None
    words = shlex.split(command)
    if len(words) != 3 or words[:2] != ["/bin/sh", "-c"] or not words[2].startswith(_ON_CONTROLLER):
        return None
    return words[2].removeprefix(_ON_CONTROLLER)


READ_CLOCK = "date +%s"
"""Seconds since 1970 by the machine's own clock, which need not be right."""

ANOTHER_RUNS = 75
"""The wrapper's exit status when another install holds the lock (EX_TEMPFAIL of sysexits.h)."""


_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class InstallState:
    """What the wrapper says of the install it runs or ran."""

    id: str  # of the action
    generation: int
    state: Literal["running", "done", "failed", "refused"]  # refused: what was found forbade it, nothing was erased
    exit: int | None = None  # the installer's exit status; None while running
    looked: fence.Looked = fence.NOTHING  # refused: what was found; done or failed: the UUIDs that are there now

    def render(self) -> str:
        """The text of the state file, before anything was found."""
        return json.dumps({name: value for name, value in asdict(self).items() if name != "looked"}) + "\n"


def parse_state(text: str) -> InstallState:
    """What ``READ_STATE`` printed.

    Raises:
        ValueError: It is not a state file of ours.
    """
    try:
        raw = json.loads(text)
        if raw["state"] not in ("running", "done", "failed", "refused"):
            raise ValueError(raw["state"])
        looked = fence.parse(raw.get("facts", ()))
        return InstallState(str(raw["id"]), int(raw["generation"]), raw["state"], raw["exit"], looked)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{STATE_FILE} is not readable: {text[:200]!r}") from error


@dataclass(frozen=True, slots=True)
class Ordered:
    """Who orders an install, when, and what was seen before."""

    fleet: str = ""  # by the id of its database
    counter: int = 0  # how far that had counted
    began: str | None = None  # RFC 3339
    seen: str | None = None  # what the disks held (``fence.digest``), and must hold still; None: anything


NOBODY = Ordered()
"""Not known."""


@dataclass(frozen=True, slots=True)
class Marker:
    """Whose the installed system is: the record of an install, on the disk that it erased."""

    serial: str
    hostname: str
    generation: int
    id: str  # of the install action that made it
    cluster: str = ""  # empty in markers of old
    role: str = ""  # empty in markers of old
    reinstall: str | None = None  # the request that the install answers
    finished: bool = True  # whether the installer ended well; markers of old do not say
    fleet: str = ""  # whose database ordered it; empty in markers of old
    counter: int = 0  # how far that database had counted (``model.epoch``)
    began: str | None = None  # RFC 3339
    ended: str | None = None  # RFC 3339, by the live system's clock; None until then
    on: tuple[str, ...] = ()  # identities of the disks that the install was given
    system_on: tuple[str, ...] = ()  # those among them that hold the system
    written: tuple[str, ...] = ()  # UUIDs that are on those disks since it ended

    def render(self) -> str:
        """The text of the marker file, before its install has ended. ``fence`` reads it by this form."""
        return json.dumps({name: value for name, value in asdict(self).items() if name not in _ADDED}) + "\n"


_ADDED = ("ended", "written")
"""What the script adds to a marker when its install has ended well (``fence.FINISH``)."""


def parse_marker(text: str) -> Marker:
    """What ``READ_MARKER`` printed.

    Raises:
        ValueError: It is not a marker of ours.
    """
    try:
        raw = json.loads(text)
        return Marker(
            serial=str(raw["serial"]),
            hostname=str(raw["hostname"]),
            generation=int(raw["generation"]),
            id=str(raw["id"]),
            cluster=str(raw.get("cluster", "")),
            role=str(raw.get("role", "")),
            reinstall=None if raw.get("reinstall") is None else str(raw["reinstall"]),
            finished=raw.get("finished") is not False,
            fleet=str(raw.get("fleet", "")),
            counter=int(raw.get("counter", 0)),
            began=None if raw.get("began") is None else str(raw["began"]),
            ended=None if raw.get("ended") is None else str(raw["ended"]),
            on=tuple(map(str, raw.get("on", ()))),
            system_on=tuple(map(str, raw.get("system_on", ()))),
            written=tuple(sorted({str(uuid) for disk in raw.get("written", ()) for uuid in disk["uuids"]})),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{MARKER_FILE} is not readable: {text[:200]!r}") from error


def parse_oci_system(text: str) -> tuple[str, str]:
    """Role and hostname, of what ``READ_OCI_SYSTEM`` printed.

    Raises:
        ValueError: It is not that.
    """
    words = text.split()
    if len(words) != 2 or "." not in words[1]:
        raise ValueError(f"a system of OCI's says neither its role nor its whole name: {text[:200]!r}")
    return words[0], words[1]


def serials_in(text: str) -> frozenset[str]:
    """Every serial that ``READ_SERIAL`` printed, without dmidecode's remarks (``#`` lines), and without fillers.

    A UUID counts by its first two groups too: that is what the agent reports for an OpenStack virtual machine.
    """
    lines = frozenset[str]().union(*(spellings(line) for line in text.splitlines() if not line.startswith("#")))
    uuids = {each for line in lines if _UUID.fullmatch(line) for each in (line.lower(), line.upper())}
    return frozenset(lines | uuids | {"-".join(line.split("-")[:2]) for line in lines if _UUID.fullmatch(line)})


def install_script(action: InstallOs, command: str) -> str:
    """The POSIX shell script that runs ``command`` once, and keeps the state file up to date.

    All of it is in a function, so that the shell has read it to its end before it does anything.
    """
    before = InstallState(action.id, action.generation, "running").render()
    done = InstallState(action.id, action.generation, "done", 0).render().strip().removesuffix("}")
    failed = InstallState(action.id, action.generation, "failed", 0).render().strip().removesuffix("}")
    refused = InstallState(action.id, action.generation, "refused").render().strip().removesuffix("}")
    is_done = done.removesuffix(', "exit": 0')
    failed, facts = failed.replace('"exit": 0', '"exit": %s'), ', "facts": [%s]}\\n'
    serial = action.serial.replace(" ", "%20").replace("+", "%2B")  # all of a serial that a query cannot hold
    return f"""\
#!/bin/sh
# Installs this machine. Written by reconciler for action {action.id}; started as unit {UNIT}.
set -u

state() {{
    # shellcheck disable=SC2059  # the first word is a format
    printf "$@" > {STATE_FILE}.new && mv {STATE_FILE}.new {STATE_FILE}
}}

report() {{
    server=$(cat {SERVER_FILE}) &&
        curl --silent --show-error --max-time 10 "http://$server/oci/install-status.php?chassis-serial={serial}&status=$1"
}}

# facts COMMAND...: what it prints, a JSON object a line, as a list. Its exit status.
facts() {{
    found=$("$@" 2>> {LOG_FILE} 9>&-)
    status=$?
    printf '%s' "$found" | tr '\n' ','
    return "$status"
}}

main() {{
    exec 9> {LOCK_FILE}
    flock --nonblock 9 || exit {ANOTHER_RUNS}
    case $(cat {STATE_FILE} 2>/dev/null) in
        {shlex.quote(is_done)}*) exit 0 ;;
    esac
    state {shlex.quote(before)} || exit 1
    : > {LOG_FILE}
    found=$(facts {fence.LOOK})
    status=$?
    case $status in
        0) ;;
        {fence_script.ENDED})
            state {shlex.quote(done + facts)} "$(facts {fence.WRITTEN})"
            report installed
            exit 0
            ;;
        {fence_script.REFUSED})
            state {shlex.quote(refused + facts)} "$found"
            exit "$status"
            ;;
        *)
            echo "E: the disks cannot be looked at, nothing was erased" >> {LOG_FILE}
            state {shlex.quote(failed + facts)} "$status" ""
            exit "$status"
            ;;
    esac
    if [ -s {SERIAL_FILE} ]; then  # the installed system is asked who it is, too
        mkdir -p {TARGET}/etc/oci && cp {SERIAL_FILE} {TARGET}{SERIAL_FILE}
    fi
    report installing
    {command} > {LOG_FILE} 2>&1
    status=$?
    if [ "$status" -eq 0 ] && ! facts {fence.FINISH} > /dev/null; then
        echo "E: the installer ended well, and the system that it made is not on the disks" >> {LOG_FILE}
        status=1
    fi
    if [ "$status" -eq 0 ]; then
        state {shlex.quote(done + facts)} "$(facts {fence.WRITTEN})"
        report installed
    else
        state {shlex.quote(failed + facts)} "$status" "$(facts {fence.WRITTEN})"
        report live
    fi
    exit "$status"
}}

main
"""


def fence_file(action: InstallOs, fleet: str = "", seen: str | None = None) -> dict[str, File]:
    """The script that looks at the disks of this install, by its absolute path in the live system.

    Args:
        action: The install.
        fleet: Whose it is; empty: not known.
        seen: What the disks were last seen to hold (``fence.digest``), and must hold still; None: anything.
    """
    answers = None if action.reinstall is None else json.dumps(action.reinstall)
    terms = fence.Terms(action.id, action.may_erase, answers, fleet, seen)
    text = fence.script(dict.fromkeys((*action.system_disks, *action.data_disks)), MARKER_FILE, terms)
    return {fence.SCRIPT_FILE: private(text)}


def fence_of(disks: Iterable[str], allowed: Iterable[str], fleet: str = "") -> dict[str, File]:
    """The script that looks, for disks that no install is about to begin on."""
    text = fence.script(disks, MARKER_FILE, fence.Terms("none", tuple(allowed), fleet=fleet))
    return {fence.SCRIPT_FILE: private(text)}


def install_files(action: InstallOs, command: str, ordered: Ordered = NOBODY) -> dict[str, File]:
    """What is uploaded before ``START_INSTALL``, by absolute path in the live system.

    Args:
        action: The install.
        command: Of the installer.
        ordered: By whom.
    """
    marker = Marker(
        serial=action.serial,
        hostname=action.hostname,
        generation=action.generation,
        id=action.id,
        cluster=action.cluster,
        role=action.role,
        reinstall=action.reinstall,
        finished=False,
        fleet=ordered.fleet,
        counter=ordered.counter,
        began=ordered.began,
        on=tuple(map(str, action.identity)),
        system_on=tuple(str(disk) for disk in action.identity if disk.name in action.system_disks),
    )
    return {
        TARGET + MARKER_FILE: private(marker.render()),
        TARGET + BOOTED_CONF: public(_BOOTED_TEXT),
        SCRIPT_FILE: private(install_script(action, command)),
        **fence_file(action, ordered.fleet, ordered.seen),
    }
