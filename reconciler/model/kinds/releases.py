"""The releases that a fleet may name."""

from typing import Literal

OpenStackRelease = Literal[
    "rocky", "stein", "train", "ussuri", "victoria", "wallaby", "xena", "yoga", "zed", "antelope", "bobcat", "caracal",
    "dalmatian", "epoxy", "flamingo", "gazpacho", "hibiscus",
]  # fmt: skip
"""Series of OpenStack since Debian 10, the oldest first.

Source: ``data/series_status.yaml`` of https://opendev.org/openstack/releases.
"""

DebianRelease = Literal["buster", "bullseye", "bookworm", "trixie", "forky"]
"""Codenames of Debian since 10, the oldest first (https://www.debian.org/releases/)."""
