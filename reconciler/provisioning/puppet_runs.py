"""Puppet's runs on a node: those of OCI's first boot, one of ours, and how the last one went."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import yaml

from .commands import ROOT_HOME

HOLD_FILE = "/etc/reconciler/hold-first-boot"
"""In the installed system, as long as its first boot is to wait for the roles that it needs."""

FIRST_BOOT_UNIT = "oci-first-boot.service"
FIRST_BOOT_FLAG = "/var/lib/oci-first-boot"
"""There until OCI's first boot begins, which takes it away before it does anything else."""

BEGIN_FIRST_BOOT = (
    f"rm -f {HOLD_FILE}; test ! -e {FIRST_BOOT_FLAG} || "
    f"{{ systemctl --no-block start {FIRST_BOOT_UNIT} || exit; "
    "for second in 1 2 3 4 5 6 7 8 9 10; do pgrep -x oci-first-boot > /dev/null && break; sleep 1; done; true; }"
)
"""Has the first boot begin that waits, and returns once it runs. Where it has begun before, nothing is done."""

FIRST_BOOT_IS_TO_END = f"test -e {FIRST_BOOT_FLAG} || pgrep -x oci-first-boot > /dev/null"
"""Status 0 as long as OCI's first boot waits or goes on; afterwards, and where there is none, another one."""

FIRST_RUNS = 9
"""So often OCI's first boot runs Puppet until it succeeds."""

READ_FIRST_RUNS = "ls /var/log/puppet-run-[1-9] 2>/dev/null | wc -l; pgrep -x oci-first-boot"
"""How many of them there were, and, while it goes on, the process that runs them. Answer: ``parse_first_runs``."""


def parse_first_runs(text: str) -> tuple[int, bool]:
    """What ``READ_FIRST_RUNS`` printed: how often the first boot ran Puppet, and whether it still does.

    Raises:
        ValueError: It is not that.
    """
    count, *processes = text.split()
    return int(count), bool(processes)


SELF_SIGNED_FILE = "/etc/oci/self-signed-api-cert"
"""There on a node whose cluster's API has a certificate of our own authority: a file, as an install leaves it, and a
folder once Puppet ran, as ``oci::puppet_oci_ca_cert`` wants one. Only whether it is there says something."""

CHAIN_FILE = "/etc/ssl/certs/oci-pki-oci-ca-chain.pem"
"""The certificates of that authority, on every node."""

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

RUN_PUPPET = (
    f"test ! -e {SELF_SIGNED_FILE} || set -- OS_CACERT={CHAIN_FILE}; "
    f"case $(PATH={_PATH} puppet --version) in [1-6].*) wait= ;; "
    "*) wait='--waitforlock 10 --maxwaitforlock 20m' ;; esac; "
    f"exec env -i HOME={ROOT_HOME} USER=root LOGNAME=root LANG=C.UTF-8 LC_ALL=C.UTF-8 "
    f'PATH={_PATH} "$@" '
    "puppet agent --onetime --no-daemonize --no-usecacheonfailure --no-use_cached_catalog "
    "--detailed-exitcodes --verbose --color=false $wait"
)
"""One run in the foreground. Exit codes: ``PUPPET_GOOD``.

It has the environment of OCI's own runs, which are services, and not what a login gives: without a UTF-8 locale Ruby
cannot read half of what is installed, and with OS_CACERT Keystone's providers believe a self-signed API.

The node's own agent runs Puppet too, and begins to as soon as the first boot is over: ours waits for the end of such a
run. The Puppet of Debian 10 and 11 (5.5) cannot wait, and ends with 1 at once."""

PUPPET_GOOD = frozenset({0, 2})
"""puppet-agent(8), --detailed-exitcodes: 0 nothing to change, 2 changes made; 1 failed to run, 4 and 6 had failures."""

READ_LAST_RUN = 'cat "$(puppet config print lastrunfile --section agent)"'
"""Puppet's last_run_summary.yaml: asked for, as its folder differs between Puppet 5 and 7 and their packagings."""


@dataclass(frozen=True, slots=True)
class LastRun:
    """How Puppet's last run on a node went."""

    began: datetime | None  # by the node's clock; None: the summary does not say how long the run took
    compiled: datetime | None  # its catalog, by the Puppet server's clock; None: the catalog's version does not say
    good: bool  # a catalog was applied, and nothing in it failed or was left undone by noop
    failed: int  # resources
    noop: int  # events: what the run would have changed, and did not
    skipped: int  # resources, such as those without a tag that was asked for


def parse_last_run(text: str) -> LastRun:
    """What ``READ_LAST_RUN`` printed. A run that got no catalog has no ``resources``; it was not good.

    Raises:
        ValueError: It is not a run summary.
    """
    try:
        raw = yaml.safe_load(text)
        resources, events = raw.get("resources") or {}, raw.get("events") or {}
        times = raw.get("time") or {}
        ended = datetime.fromtimestamp(int(times["last_run"]), UTC) if "last_run" in times else None
        began = ended - timedelta(seconds=float(times["total"])) if ended and "total" in times else None
        failed = sum(int(resources.get(name, 0)) for name in ("failed", "failed_to_restart"))
        applied = bool(resources and events and int(resources.get("total", 0)))
        noop, changed = int(events.get("noop", 0)), int(events.get("success", 0))
        well = not failed and not int(events.get("failure", 0)) and (changed > 0 or not noop)
        skipped = int(resources.get("skipped", 0))
    except (AttributeError, OverflowError, TypeError, ValueError, yaml.YAMLError) as error:
        raise ValueError(f"Puppet's run summary is not readable: {text[:200]!r}") from error
    return LastRun(began, _compiled(raw.get("version")), applied and well, failed, noop, skipped)


def _compiled(version: object) -> datetime | None:
    """When the catalog was compiled: its version, unless the Puppet server has a ``config_version`` of its own."""
    said = version.get("config") if isinstance(version, dict) else None
    try:
        return datetime.fromtimestamp(int(str(said)), UTC)
    except (OSError, OverflowError, ValueError):
        return None
