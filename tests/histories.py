"""Histories in one line: their facts by the names that the journal has for them."""

from typing import Any

from reconciler.model.flat_form import with_values
from reconciler.model.history import PUBLISHED, History


def history_with(before: History, **facts: Any) -> History:
    """The history with some facts changed, such as ``install_id="0123456789ab"`` or ``failing_since=NOW``."""
    return with_values(before, PUBLISHED, facts)
