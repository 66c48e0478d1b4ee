"""``Cluster.rings``: the rings of a Swift cluster, and how fast they may change."""

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StrictBool, StrictInt, WithJsonSchema

from .base import Label, SettingValue, Size, Strict


def _share(value: object) -> object:
    if isinstance(value, str) and value.endswith("%") and value[:-1].isdecimal() and 1 <= int(value[:-1]) <= 100:
        return int(value[:-1])
    raise ValueError('it must be a percentage from "1%" to "100%"')


Share = Annotated[
    int,
    BeforeValidator(_share),
    WithJsonSchema({"type": "string", "pattern": r"^([1-9][0-9]?|100)%$", "examples": ["25%"]}),
]
"""Percent, from 1 to 100."""


class RingPolicy(Strict):
    """A storage policy: whole copies, or fragments with parity."""

    name: Label = Field(description="by which users choose it; fixed once data is stored")
    index: StrictInt = Field(ge=0, le=255, description="its number; fixed once data is stored")
    default: StrictBool = False
    type: Literal["replication", "erasure_coding"] = "replication"
    replicas: StrictInt | None = Field(default=None, ge=1, description="copies; default: those of all rings")
    ec_type: str | None = Field(
        default=None, pattern=r"^[a-z0-9_]+$", description="code that makes the fragments, as liberasurecode names it"
    )
    data: StrictInt | None = Field(default=None, ge=1, description="fragments that an object is cut into")
    parity: StrictInt | None = Field(default=None, ge=1, description="fragments that may be lost")


class RingsSpec(Strict):
    """Rings of a Swift cluster. What is not said is what the settings of OCI's names say."""

    part_power: StrictInt | None = Field(
        default=None, ge=1, le=32, description="two to this power partitions; fixed once data is stored"
    )
    replicas: StrictInt | None = Field(default=None, ge=1, description="copies of accounts, containers and objects")
    min_part_hours: StrictInt | None = Field(
        default=None, ge=0, le=255, description="hours between two rounds of one ring"
    )
    policies: tuple[RingPolicy, ...] = Field(
        default=(), description="none: Policy-0 with whole copies, and what the settings swift_ec_* say"
    )
    ramp: Share = Field(
        default="25%", validate_default=True, description="share of its weight that a new disk gains in a round"
    )
    most_bytes_per_round: Size | None = Field(
        default=None, description="that a round may move, were all disks full; a round that moves more is made smaller"
    )
    begin_with: StrictInt | None = Field(
        default=None, ge=1, description="stores that the first rings wait for; default: all that the roles ask for"
    )

    @property
    def coded(self) -> RingPolicy | None:
        """The first policy with erasure coding."""
        return next((policy for policy in self.policies if policy.type == "erasure_coding"), None)

    def as_settings(self) -> Mapping[str, SettingValue]:
        """The settings by OCI's names that it speaks of, with their values."""
        return {name: value for name, (value, _) in self.aliases.items()}

    @cached_property
    def aliases(self) -> Mapping[str, tuple[SettingValue, tuple[str | int, ...]]]:
        """By setting the value, and where below ``rings`` it stands."""
        found: dict[str, tuple[SettingValue, tuple[str | int, ...]]] = {
            f"swift_{name}": (value, (name,))
            for name in ("part_power", "replicas", "min_part_hours")
            if (value := getattr(self, name)) is not None
        }
        if not self.policies:
            return found
        found["swift_ec_enable"] = self.coded is not None, ("policies",)
        if (coded := self.coded) is None:
            return found
        at = self.policies.index(coded)
        named = {"index": "policy_index", "name": "policy_name", "ec_type": "type"}
        named |= {"data": "num_data_fragments", "parity": "num_parity_fragments"}
        for field, setting in named.items():
            if (value := getattr(coded, field)) is not None:
                found[f"swift_ec_{setting}"] = value, ("policies", at, field)
        return found
