"""Decides who vouches for a machine that reports from the live system, before it is given the keys of its node.

A report is a hint: anybody in a trusted network can send one, with an SSH server behind it that says what is expected.
So keys, passwords and certificates go only to

* who returned the nonce of the machine's present boot;
* a machine that never returned a nonce, as the stock agent knows none, and that an operator named in the specs, or
  whose own BMC says that it is on: one that lets us in with the password that we have for it, at an address that an
  operator gave or that lies in one of the fleet's networks of BMCs;
* whom an operator approved.

A machine that returned nonces has our agent. A report in its name without one is somebody else's, whatever its BMC
says.
"""

from dataclasses import replace
from ipaddress import ip_address

from ..model.actions import VerifyBmc, Voucher
from ..model.kinds import MachineSpec
from ..model.machine import Allocation, MachineView
from ..model.plan import Act, Step, Wait
from ..model.reasons import Reason
from ..model.statements import Consequence, FactName
from .approvals import Question, fact
from .context import Context, in_live, install_unseen, later, next_look, speaks_for_itself


def voucher(m: MachineView, ctx: Context) -> Voucher | None:
    """Why who reports may be given the machine's keys, before anybody approved it; None: nothing says so."""
    if m.seen is None:
        return None
    if speaks_for_itself(m):
        return Voucher.NONCE
    if m.seen.witnessed_at is not None:
        return None
    if is_named(ctx.pin(m)):
        return Voucher.PINNED
    said = m.history.witnesses.vouched
    agrees = said is not None and said.power == "on" and said.address == ctx.spec.bmc_address(m.serial, m.seen)
    return Voucher.BMC if agrees else None


def is_named(pin: MachineSpec) -> bool:
    """Whether an operator wrote which machine this is to be, and not only what holds for it."""
    placed = pin.cluster or pin.hostname or pin.address or pin.replaces
    return bool(placed or pin.reinstall or pin.bmc.address)


def is_hinted(m: MachineView) -> bool:
    """Whether the last that was heard of a machine is a hint: then it is not rebooted for that.

    What an operator said since counts more: that it is to be reinstalled, or tried again.
    """
    if m.seen is None or m.seen.boot is not None:
        return False
    said = (m.history.witnesses.retried, m.history.service.left)
    return not any(later(moment, m.seen.reported_at) for moment in said)


def first_witness(m: MachineView, allocation: Allocation, ctx: Context) -> Step | None:
    """What to do before a human is asked about who reports: ask its BMC, or give its own agent time to report."""
    if not _is_stranger(m, allocation, ctx):
        return None
    assert m.seen is not None
    if m.seen.witnessed_at is not None:
        until = m.history.touched + ctx.timings.live_boot if m.history.touched else ctx.now
        on = f"a report with the nonce of its boot: who reports from {m.seen.live_address} returns none"
        return Wait(m.serial, Reason.NONCE_MISSING, on, until=until) if ctx.now < until else None
    if why_no_bmc(m, ctx) is not None or ctx.now < next_look(m, ctx):
        return None
    because = f"who reports from {m.seen.live_address} returns no nonce of a boot"
    return Act(VerifyBmc(serial=m.serial, generation=allocation.generation), Reason.NONCE_MISSING, because)


def with_stranger(question: Question | None, m: MachineView, ctx: Context) -> Question | None:
    """The question about an install, with whether who reports may have the node's keys, where nobody vouches for it."""
    if m.allocation is None or m.seen is None or not _is_stranger(m, m.allocation, ctx):
        return question
    gets = f"give the keys of {m.allocation.hostname} to who reports from {m.seen.live_address}: {_why_asked(m, ctx)}"
    macs = (fact(FactName.MAC, mac) for mac in sorted(m.seen.hardware.macs))
    facts = (fact(FactName.REPORTER, m.seen.live_address), *macs)
    if question is None:
        question = Question(Reason.UNWITNESSED, f"approval to {gets}", (Consequence.ERASES,))
    else:
        question = replace(question, text=f"{question.text}; and to {gets}")
    consequences = (*question.consequences, Consequence.GIVES_KEYS)
    return replace(question, consequences=consequences, facts=(*question.facts, *facts))


def _is_stranger(m: MachineView, allocation: Allocation, ctx: Context) -> bool:
    """Whether somebody reports from the live system for whom nobody vouches. What an install began with is given."""
    return in_live(m, ctx) and not install_unseen(m, allocation) and voucher(m, ctx) is None


def _why_asked(m: MachineView, ctx: Context) -> str:
    assert m.seen is not None
    if m.seen.witnessed_at is not None:
        until = f"{m.seen.witnessed_at:%Y-%m-%d %H:%M} UTC"
        return f"it returned the nonces of its boots until {until}, and this report has none"
    no_bmc = why_no_bmc(m, ctx) or m.history.looks.error or "its BMC did not say that it is on"
    return f"it returned no nonce of its boot, and {no_bmc}"


def why_no_bmc(m: MachineView, ctx: Context) -> str | None:
    """Why its BMC is not asked on the word of a hint: our password goes to no address that anybody made up."""
    address = ctx.spec.bmc_address(m.serial, m.seen)
    if address is None:
        return "nobody knows where its BMC is"
    given = ctx.pin(m).bmc.address
    networks = [network.subnet for network in ctx.spec.fleet.bmc.networks]
    if (given is not None and str(given) == address) or any(ip_address(address) in subnet for subnet in networks):
        return None
    return f"{address}, where its BMC is said to be, is in none of the fleet's bmc.networks"
