"""Reasons of steps, as data: code, metrics and other programs ask these in place of the sentences beside them.

Sentences are for people and may be reworded. A reason's name is part of the contract: it stands in every JSON plan, in
metrics, and in what an approval covers. ``docs/reasons.md`` and ``reconciler explain-reason`` show the paragraphs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class About:
    """What holds for every step with one reason."""

    text: str  # when it is given, and what ends it
    wants_operator: bool = False  # a wait for it ends only when a human mends something
    approval: str | None = None  # the action that a wait for it wants approved: one of events.ALL
    retry: bool = False  # "reconciler retry" ends a wait for it at once
    spare: bool = False  # a wait for it harms nobody: the machine is free, and nothing is missing


class Reason(StrEnum):
    """Every reason of a step, or of machines that are missing."""

    # Getting a place
    NEVER_SEEN = "never-seen"
    NO_PROFILE = "no-profile"
    NO_LOCATION = "no-location"
    NO_CLUSTER_THERE = "no-cluster-there"
    NO_FREE_SLOT = "no-free-slot"
    PART_UNKNOWN = "part-unknown"
    NO_SLOT_FOR_PIN = "no-slot-for-pin"
    REPLACED_REMAINS = "replaced-remains"
    NOTHING_FREE = "nothing-free"
    NO_FREE_MACHINE = "no-free-machine"
    KEPT_FOR_PIN = "kept-for-pin"
    NO_NETWORK = "no-network"
    RUNS_UNKNOWN_SYSTEM = "runs-unknown-system"
    PLACE_LOST = "place-lost"
    MATCHES_PROFILE = "matches-profile"
    PINNED = "pinned"
    REPLACES = "replaces"
    VIPS_MISSING = "vips-missing"
    ENROLLED = "enrolled"
    # The way to an install
    SECRETS_MISSING = "secrets-missing"
    NO_DOCUMENT = "no-document"
    NO_SYSTEM_DISK = "no-system-disk"
    SYSTEM_DISK_UNKNOWN = "system-disk-unknown"
    DISKS_UNCLEAR = "disks-unclear"
    SEVERAL_PATHS = "several-paths"
    BOOT_MODE_UNKNOWN = "boot-mode-unknown"
    INSTALLER_CANNOT = "installer-cannot"
    NETWORK_IMPOSSIBLE = "network-impossible"
    NO_BMC_ADDRESS = "no-bmc-address"
    BMC_DIFFERS = "bmc-differs"
    RAID_MISSING = "raid-missing"
    REPORT_DUE = "report-due"
    NONCE_MISSING = "nonce-missing"
    UNWITNESSED = "unwitnessed"
    FOREIGN_DATA = "foreign-data"
    EARLIER_PLACE = "earlier-place"
    INSTALL_BY_APPROVAL = "install-by-approval"
    TO_BE_INSTALLED = "to-be-installed"
    INSTALL_UNSEEN = "install-unseen"
    INSTALL_RUNS = "install-runs"
    INSTALL_CLAIMED = "install-claimed"
    INSTALL_ENDED = "install-ended"
    # The first boot and Puppet
    BOOTS_FROM_DISK = "boots-from-disk"
    FIRST_WORD_DUE = "first-word-due"
    PUPPET_RUNS = "puppet-runs"
    PUPPET_UNSEEN = "puppet-unseen"
    PUPPET_SUCCEEDED = "puppet-succeeded"
    # In service
    IN_SERVICE = "in-service"
    DOCUMENT_CHANGED = "document-changed"
    LEFT_TO_AGENT = "left-to-agent"
    IS_OFF = "is-off"
    IS_OFF_AGAIN = "is-off-again"
    FELL_INTO_LIVE = "fell-into-live"
    LIVE_CLAIMED = "live-claimed"
    COMES_UP = "comes-up"
    DOES_NOT_ANSWER = "does-not-answer"
    DRIFT = "drift"
    HOOK_DUE = "hook-due"
    CLUSTER_NOT_TOLD = "cluster-not-told"
    AGGREGATE_UNKNOWN = "aggregate-unknown"
    CERTIFICATE_ENDS = "certificate-ends"
    CERTIFICATE_FROM_OUTSIDE = "certificate-from-outside"
    # Going back
    REINSTALL_REQUESTED = "reinstall-requested"
    REINSTALL_WITHDRAWN = "reinstall-withdrawn"
    DECOMMISSIONED = "decommissioned"
    PINNED_ELSEWHERE = "pinned-elsewhere"
    RELEASE_INTERRUPTED = "release-interrupted"
    NOT_ASKED_FOR = "not-asked-for"
    # Whatever is to be done
    IN_FLIGHT = "in-flight"
    CONFLICT = "conflict"
    BACKS_OFF = "backs-off"
    FAILED = "failed"
    IN_VAIN = "in-vain"
    MAINTENANCE = "maintenance"
    PAUSED = "paused"
    PROTECTED = "protected"
    WINDOW_CLOSED = "window-closed"
    PEERS_OUT = "peers-out"
    BUDGET_SPENT = "budget-spent"
    RELEASE_KEPT = "release-kept"
    DATABASE_IN_DOUBT = "database-in-doubt"
    # Gates
    SERVICES_UNREAD = "services-unread"
    GATE_CLOSED = "gate-closed"
    GATE_STAYS_CLOSED = "gate-stays-closed"
    BRING_UP = "bring-up"
    PUPPET_MAY_BEGIN = "puppet-may-begin"
    # Swift's rings
    RINGS_MISSING = "rings-missing"
    RINGS_DUE = "rings-due"
    RINGS_DIFFER = "rings-differ"
    RINGS_SETTLE = "rings-settle"
    RING_ROUND_DUE = "ring-round-due"
    RING_ROUND = "ring-round"

    @property
    def about(self) -> About:
        """What holds for it."""
        return REASONS[self]


class Because(NamedTuple):
    """A reason, and the sentence that tells it of one machine."""

    reason: Reason
    text: str


REASONS: Mapping[Reason, About] = {
    # ---- getting a place
    Reason.NEVER_SEEN: About(
        "No machine of this serial has reported yet. If its document gives a BMC address, it is turned on from the "
        "network; otherwise check the serial, and boot it into the live system."
    ),
    Reason.NO_PROFILE: About(
        "No hardware profile matches the machine, or several match equally well. The sentence names each profile with "
        "the rule that refused it. Change a rule, give one profile a priority, or pin the machine to a profile."
    ),
    Reason.NO_LOCATION: About(
        "A cluster wants a machine of this role, and nobody knows where this one stands: its switch is in no racking, "
        "it hears no switch over LLDP, or the racking gives heights of products and not of this one. Add the switch or "
        "the product to a Racking, or pin the machine to a location."
    ),
    Reason.NO_CLUSTER_THERE: About(
        "Clusters ask for machines of this role, and none takes them from where this machine stands. A cluster takes "
        "machines from the locations of its networks, narrowed by the locations that the role names."
    ),
    Reason.NO_FREE_SLOT: About(
        "Every cluster that could use the machine has as many as it asks for, or no cluster asks for its role. It is a "
        "spare.",
        spare=True,
    ),
    Reason.PART_UNKNOWN: About(
        "A cluster has a free slot and spreads the role over racks or locations, and nobody knows in which of them "
        "this machine stands, or one that has a slot and may stand beside it."
    ),
    Reason.NO_SLOT_FOR_PIN: About(
        "The machine is pinned to a cluster that asks for none of its role, or has as many as it asks for."
    ),
    Reason.REPLACED_REMAINS: About(
        "The machine is to replace another one that still holds its place, is still on, never had a place, or has "
        "another role."
    ),
    Reason.NOTHING_FREE: About(
        "A network has no free address left for the machine, a VIP or a BMC; or somebody else holds the address or "
        "hostname that the machine is pinned to."
    ),
    Reason.NO_FREE_MACHINE: About(
        "A cluster is short of machines of a role, and none is free that matches a profile of this role and stands "
        "where one is missing."
    ),
    Reason.KEPT_FOR_PIN: About(
        "A cluster is short of machines of a role, and keeps the slots for machines that Machine documents send there, "
        "or that replace another. Those machines are not ready to take them: their own waits say why."
    ),
    Reason.NO_NETWORK: About(
        "A cluster is short of machines of a role, and has no network that could manage one in a location that the "
        "role takes machines from."
    ),
    Reason.RUNS_UNKNOWN_SYSTEM: About(
        'The machine says that an installed system runs on it, and it holds no place here. "reconciler adopt" takes it '
        "into service as it is; to install it anew, boot it into the live system.",
        wants_operator=True,
    ),
    Reason.PLACE_LOST: About(
        "The machine's journal says that it was given a place, and the database has none for it, nor one that it gave "
        "back. Restore the database, or forget the machine.",
        wants_operator=True,
    ),
    Reason.MATCHES_PROFILE: About("The machine matches a hardware profile, and a cluster has a free slot for it."),
    Reason.PINNED: About("A Machine document sends the machine to its cluster."),
    Reason.REPLACES: About("The machine takes over name and addresses of the one that it replaces."),
    Reason.VIPS_MISSING: About("The machine's cluster asks for virtual addresses that it was not given yet."),
    Reason.ENROLLED: About("The machine has its name and addresses; that is recorded."),
    # ---- the way to an install
    Reason.SECRETS_MISSING: About("The machine's Puppet document names secrets that nobody made yet."),
    Reason.NO_DOCUMENT: About(
        "The machine's Puppet document cannot be rendered; the sentence says why. Nothing that needs it is begun."
    ),
    Reason.NO_SYSTEM_DISK: About(
        "The machine's hardware profile names no system disk, or the machine has none that fits."
    ),
    Reason.SYSTEM_DISK_UNKNOWN: About(
        "The machine was installed before, and nobody can tell which of its disks hold that system. Nothing is erased "
        "on a guess: look which disks were replaced, and pin it or release it.",
        wants_operator=True,
    ),
    Reason.DISKS_UNCLEAR: About(
        "The machine's hardware profile takes disks or a volume of a RAID controller, and more block devices look "
        "alike than it takes: nobody can tell which it means. Nothing is erased on a guess. Our agent says which "
        "controller a device hangs on; else pull out what looks alike, or have the profile take all of it.",
        wants_operator=True,
    ),
    Reason.SEVERAL_PATHS: About(
        "A disk that would be erased is reached over several paths, and an install knows no multipath. Unplug all but "
        "one, or leave the disk out of the profile."
    ),
    Reason.BOOT_MODE_UNKNOWN: About(
        "The agent that reported the machine did not say whether it booted with UEFI or as BIOS, and an install for "
        "the wrong one of them would not start. The agent of the live image that this version builds says so.",
        wants_operator=True,
    ),
    Reason.INSTALLER_CANNOT: About(
        "The profile's installer cannot put a system on the disks that the profile takes for it: debian makes no "
        "software RAID but RAID 1 of two disks, and installs on NVMe only where the machine boots with UEFI and on a "
        "controller's first namespace; image starts from no RAID 0 on BIOS. Change the profile's disks or "
        "installer, or how the machine boots.",
        wants_operator=True,
    ),
    Reason.NETWORK_IMPOSSIBLE: About(
        "The machine's network cannot be described: it has no management network, an interface that a network names is "
        "not there, or two networks exclude each other. A node that is installed again keeps its ports: where nothing "
        "tells which of them a name such as 10g1 meant, write the kernel's name into the network."
    ),
    Reason.NO_BMC_ADDRESS: About(
        "The machine is to be booted, and no BMC address of it is known; or only a report without the nonce of a boot "
        "names one, outside of the fleet's networks of BMCs. Boot it by hand, or give its address in a Machine "
        "document."
    ),
    Reason.BMC_DIFFERS: About(
        "The machine's BMC has another address, login or password than the fleet wants. Of each BMC network one "
        "address is changed at a time."
    ),
    Reason.RAID_MISSING: About("The machine's profile asks for RAID volumes that nobody saw in place yet."),
    Reason.REPORT_DUE: About(
        "The machine's last report is older than what was last done to it, or than the daemon. Nothing is done to it "
        "until it has reported, or had time to."
    ),
    Reason.NONCE_MISSING: About(
        "Somebody reports the machine from the live system and does not return the nonce of its boot. Where it never "
        "returned one, its BMC is asked whether it is the machine's, and on; else its own agent is given time to "
        "report."
    ),
    Reason.UNWITNESSED: About(
        "Somebody reports the machine from the live system, and nothing shows that it is the machine: no nonce of its "
        "boot came back, no document names it, and its BMC does not speak for it. An approval has its disks erased and "
        "gives the keys of its node to whoever reports. Booted anew, into a live image that this version built, it "
        "returns a nonce and asks nobody.",
        approval="install_os",
    ),
    Reason.FOREIGN_DATA: About(
        "A disk that would be erased holds something that nobody allowed to erase, or another machine reports the same "
        "disk, by its WWN, and may use it. An approval covers these disks with these contents, and nothing that is "
        "found later.",
        approval="install_os",
    ),
    Reason.EARLIER_PLACE: About(
        "The machine held another place before, and its disks may hold data from there. An approval covers that place "
        "alone.",
        approval="install_os",
    ),
    Reason.INSTALL_BY_APPROVAL: About(
        "The fleet's policy asks for an approval of every install.", approval="install_os"
    ),
    Reason.TO_BE_INSTALLED: About("The machine has its place, and no system of ours is on its disks."),
    Reason.INSTALL_UNSEEN: About("An install of the machine was begun, and nobody saw it end well."),
    Reason.INSTALL_RUNS: About("An installer runs on the machine; its end is waited for."),
    Reason.INSTALL_CLAIMED: About(
        "The machine says that its install has ended. Anybody may say so: it is asked over SSH, at its own address, "
        "and its proof is waited for."
    ),
    Reason.INSTALL_ENDED: About("Our install of the machine was seen to have ended well."),
    # ---- the first boot and Puppet
    Reason.BOOTS_FROM_DISK: About("Debian is on the machine's disk, and it is to boot from there."),
    Reason.FIRST_WORD_DUE: About("The machine boots its installed system for the first time; its word is waited for."),
    Reason.PUPPET_RUNS: About("The machine says that Puppet runs for the first time; its end is waited for."),
    Reason.PUPPET_UNSEEN: About("Nobody saw the machine's first Puppet run succeed: it is asked, and run if need be."),
    Reason.PUPPET_SUCCEEDED: About("The machine's first Puppet run was seen to succeed."),
    # ---- in service
    Reason.IN_SERVICE: About(
        "The machine serves, and is as wanted. The sentence names what its cluster is told later."
    ),
    Reason.DOCUMENT_CHANGED: About("The machine's Puppet document changed since its last good Puppet run."),
    Reason.LEFT_TO_AGENT: About(
        "The machine's Puppet document changed, and the fleet's policy leaves the run to the machine's own agent."
    ),
    Reason.IS_OFF: About(
        "The machine is in service, and off. It is turned on, unless the fleet's policy does not heal.",
        wants_operator=True,
    ),
    Reason.IS_OFF_AGAIN: About(
        "The machine was turned on, and is off again. It is tried again later; look at its console and power.",
        wants_operator=True,
    ),
    Reason.FELL_INTO_LIVE: About(
        "The machine is in service, and proved that it runs the live system. It is booted from its disk, unless the "
        "fleet's policy does not heal.",
        wants_operator=True,
    ),
    Reason.LIVE_CLAIMED: About(
        "Somebody reports the live system from a machine that should run from its disk. The machine itself is asked."
    ),
    Reason.COMES_UP: About("The machine was booted from its disk, and is asked until its installed system answers."),
    Reason.DOES_NOT_ANSWER: About(
        "The machine was booted from its disk, and its installed system never answered. It counts as out of service; "
        "look at its console. It is asked again and again, and serves once it answers.",
        wants_operator=True,
    ),
    Reason.DRIFT: About(
        "The machine is not as it was when it got its place: a disk is gone, its profile no longer matches, it stands "
        "elsewhere, or its networks changed. Nothing is done about it unasked.",
        wants_operator=True,
    ),
    Reason.HOOK_DUE: About("An operator's hook is to be told what became of the machine."),
    Reason.CLUSTER_NOT_TOLD: About(
        "The machine came into service, and a controller of its cluster runs the commands that say so."
    ),
    Reason.AGGREGATE_UNKNOWN: About(
        "A command after Puppet names {compute_aggregate}, and the racking has none for the machine's switch.",
        wants_operator=True,
    ),
    Reason.CERTIFICATE_ENDS: About(
        "A certificate of the machine, its cluster or the fleet ends soon. A few are renewed at a time."
    ),
    Reason.CERTIFICATE_FROM_OUTSIDE: About(
        "A certificate ends soon that comes from a file of the operator's: put a newer one there.",
        wants_operator=True,
    ),
    # ---- going back
    Reason.REINSTALL_REQUESTED: About(
        "A Machine document asks for a reinstall. An approval covers the install that is on the machine, the request, "
        "and the data disks that go with it.",
        approval="reinstall",
    ),
    Reason.REINSTALL_WITHDRAWN: About("The machine's reinstall is no longer asked for, and never began."),
    Reason.DECOMMISSIONED: About(
        "A Machine document says that the machine is decommissioned. An approval covers the release of its hostname "
        "and addresses.",
        approval="release",
    ),
    Reason.PINNED_ELSEWHERE: About(
        "A Machine document pins the machine to another cluster, role, hostname or address than it has. An approval "
        "covers the release of what it has for just that.",
        approval="release",
    ),
    Reason.RELEASE_INTERRUPTED: About("A release of the machine was begun, and is finished."),
    Reason.NOT_ASKED_FOR: About(
        "The machine holds a place that no spec asks for. It keeps the place until it is decommissioned."
    ),
    # ---- whatever is to be done
    Reason.IN_FLIGHT: About("An action on the machine was begun, and its end is waited for."),
    Reason.CONFLICT: About(
        "Two machines claim the same serial, or somebody speaks in the machine's name. Look which is right; "
        '"reconciler retry" ends it.',
        wants_operator=True,
        retry=True,
    ),
    Reason.BACKS_OFF: About("The last try failed, and the next one follows after a pause that doubles each time."),
    Reason.FAILED: About(
        'An action failed for good, or too many times in a row. Mend what its error says; "reconciler retry" goes on.',
        wants_operator=True,
        retry=True,
    ),
    Reason.IN_VAIN: About(
        "An action succeeded several times and never had the effect it should: look where the sentence says; "
        '"reconciler retry" goes on.',
        wants_operator=True,
        retry=True,
    ),
    Reason.MAINTENANCE: About("A Machine document says that the machine is in maintenance."),
    Reason.PAUSED: About('An operator paused the machine, its cluster or the fleet; "reconciler resume" ends it.'),
    Reason.PROTECTED: About("A Machine document protects the machine: it is never installed, erased or taken down."),
    Reason.WINDOW_CLOSED: About("The fleet's windows do not allow a step of this risk now."),
    Reason.PEERS_OUT: About(
        "As many machines of the cluster and role are out of service as the policy or the quorum allows, or others "
        "come first."
    ),
    Reason.BUDGET_SPENT: About(
        "As many machines are being erased and installed as max_destructive allows, or as many certificates renewed as "
        "max_renewals does."
    ),
    Reason.RELEASE_KEPT: About(
        "The specs ask for another release of OpenStack or Debian than the cluster's nodes were installed with, and "
        "nothing is installed until the old one is back.",
        wants_operator=True,
    ),
    Reason.DATABASE_IN_DOUBT: About(
        'The database may be older than the machines. Nothing is begun until "reconciler adopt" has said what holds.',
        wants_operator=True,
    ),
    # ---- gates
    Reason.SERVICES_UNREAD: About(
        "Puppet has succeeded on the machine, and nobody has read yet how its services are. The daemon looks over SSH "
        "and goes on once the gates of its role hold."
    ),
    Reason.GATE_CLOSED: About(
        "A service of the machine is not ready, by its own word: the sentence names the gate, its value, since when it "
        "is so, and what opens it. The daemon looks again and again. On a machine that is not in service yet, Puppet "
        "is run again after a third of timings.gate_patience. A machine in service stays as it is, and counts as out "
        "of service."
    ),
    Reason.GATE_STAYS_CLOSED: About(
        "A service of the machine has not been ready for half an hour (timings.gate_patience). Look at the service on "
        "the machine; once it is ready, the daemon sees so by itself.",
        wants_operator=True,
    ),
    Reason.BRING_UP: About(
        "The machine is installed, and runs Puppet for the first time once the roles that it needs serve: the database "
        "and the message queue before controllers, controllers before computes. The sentence names who is missing, and "
        "the gate that is closed there."
    ),
    Reason.PUPPET_MAY_BEGIN: About(
        "The roles that the machine needs serve. Its first boot, which waited for that, is told to run Puppet."
    ),
    # ---- Swift's rings
    Reason.RINGS_MISSING: About(
        "The machine stores in Swift or serves it, and its cluster has no rings yet. They are built once all stores "
        "that the cluster asks for have their places, and before the first of them is installed."
    ),
    Reason.RINGS_DUE: About("The stores of the machine's cluster have their places, and its first rings are built."),
    Reason.RINGS_DIFFER: About(
        "The machine has other ring files than those in force, or nobody has asked it since it was installed."
    ),
    Reason.RINGS_SETTLE: About(
        "Disks have not all their weight in the rings of the machine's cluster. The next round begins once all nodes "
        "have the rings in force, and min_part_hours have passed since the last."
    ),
    Reason.RING_ROUND_DUE: About(
        "Disks have not all their weight in the rings of the machine's cluster. What the next round would move is "
        "worked out, and nothing is changed."
    ),
    Reason.RING_ROUND: About(
        "A round of the rings of the machine's cluster was worked out. An approval covers its disks, their weights and "
        "the partitions that move, on just the rings that are in force, and one round.",
        approval="change_rings",
    ),
}
"""What holds for each reason."""
