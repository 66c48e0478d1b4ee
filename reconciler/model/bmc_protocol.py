"""Protocols that BMCs speak."""

from enum import StrEnum


class BmcProtocol(StrEnum):
    """What a BMC can be spoken to in; there is a driver for each."""

    REDFISH = "redfish"
    IPMI = "ipmi"
