"""Every reason is used, told to people, and asked in place of the sentence beside it."""

import re
from pathlib import Path

import pytest

from reconciler.model.reasons import REASONS, Reason
from reconciler.render.reasons import reason_text, reasons_page

ROOT = Path(__file__).parents[2]
APPROVALS = {"install_os", "reinstall", "release", "change_rings"}


def test_the_page_for_people_is_up_to_date():
    page = ROOT / "docs/reasons.md"
    assert page.read_text() == reasons_page(), "run: make schemas"


def test_every_reason_has_its_paragraph_in_the_order_of_the_names():
    lacking = ", ".join(reason for reason in Reason if reason not in REASONS)
    assert not lacking, f"REASONS of reconciler/model/reasons.py has no paragraph for: {lacking}"
    assert list(REASONS) == list(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_given_by_the_planner(reason):
    planning = "".join(path.read_text() for path in sorted((ROOT / "reconciler/planning").glob("**/*.py")))
    assert re.search(rf"\bReason\.{reason.name}\b", planning), f"no module of reconciler/planning gives {reason}"


def test_what_is_approved_is_what_can_be():
    assert {about.approval for about in REASONS.values()} == {None, *APPROVALS}


def test_a_paragraph_says_what_is_wanted_of_whom():
    assert reason_text(Reason.DRIFT).endswith("*Wants you.*\n")
    assert "*Asks for approval: install_os.*" in reason_text(Reason.FOREIGN_DATA).replace("\n", " ")
