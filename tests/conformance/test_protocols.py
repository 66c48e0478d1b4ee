"""Where a new protocol of BMCs has to be known: said in a sentence when it is not."""

from collections.abc import Iterator
from typing import cast, get_args

import pytest
from pydantic import ValidationError

from reconciler.app.bmcs import DRIVERS
from reconciler.app.config import Config
from reconciler.model.bmc_protocol import BmcProtocol

from . import test_bmcs

CONFORMING = {getattr(suite, "protocol", None) for suite in vars(test_bmcs).values()}


def lacking(protocol: BmcProtocol) -> Iterator[str]:
    """What nobody has done for this protocol yet."""
    if protocol not in DRIVERS:
        yield "a driver (DRIVERS in app/bmcs.py)"
    if protocol not in CONFORMING:
        yield "a conformance class (a BmcConformance with this protocol in tests/conformance/test_bmcs.py)"
    try:
        Config.model_validate({"bmc_protocol": str(protocol)})
    except ValidationError as error:
        if any(problem["loc"] == ("bmc_protocol",) for problem in error.errors()):
            yield "a place among the choices of bmc_protocol (app/config.py)"


def complaint(protocol: BmcProtocol) -> str | None:
    found = "; ".join(lacking(protocol))
    return f"{protocol} lacks {found}" if found else None


@pytest.mark.parametrize("protocol", BmcProtocol)
def test_a_protocol_is_known_wherever_protocols_are(protocol: BmcProtocol) -> None:
    assert complaint(protocol) is None


def test_whatever_the_configuration_offers_conforms() -> None:
    offered = set(get_args(Config.model_fields["bmc_protocol"].annotation))
    assert offered - CONFORMING == {"auto"}, "auto is one of the others"


def test_what_a_new_protocol_lacks_is_said_in_a_sentence() -> None:
    assert complaint(cast(BmcProtocol, "some-third-kind")) == (
        "some-third-kind lacks a driver (DRIVERS in app/bmcs.py); "
        "a conformance class (a BmcConformance with this protocol in tests/conformance/test_bmcs.py); "
        "a place among the choices of bmc_protocol (app/config.py)"
    )
