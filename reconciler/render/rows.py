"""What commands print for programs with ``--format json``: the shapes behind ``schemas/``, one for each command."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

_Moment = Annotated[str, Field(description="date and time with its offset, RFC 3339")]


class EventRow(TypedDict):
    """One thing that happened."""

    at: _Moment
    serial: str | None
    kind: str
    text: str
    who: Annotated[str | None, Field(description="the operator whose decision it was")]


class MachineRow(TypedDict):
    """One machine: where it stands, how far it has come, and what it waits for."""

    serial: str
    hostname: str | None
    cluster: str | None
    role: str | None
    phase: str
    kind: Annotated[str, Field(description="of its step: act, advance, wait, settled, orphaned or unknown")]
    because: str
    now: Annotated[str, Field(description="what happens to it, or what it waits for, in one line")]
    needs_approval: Annotated[str | None, Field(description="the action that an approval would allow")]
    place: str | None
    addresses: Annotated[dict[str, str], Field(description="by the network's name")]
    product: str | None
    memory: str | None
    disks: list[str]
    bmc: Annotated[str | None, Field(description="address of its management controller, as the agent reported it")]
    power: str | None
    status: Annotated[str | None, Field(description="what it last said of its install and of Puppet")]
    last_heard: _Moment | None
    document: Annotated[str | None, Field(description="digest of the Puppet document it is given")]
    document_since: _Moment | None
    applied: Annotated[str | None, Field(description="digest of the document of its last good Puppet run")]
    behind: bool
    failures: Annotated[int, Field(description="in a row")]
    failing_since: Annotated[str | None, Field(description="when the first of them ended, RFC 3339")]
    last_error: str | None
    aside_error: Annotated[str | None, Field(description="of a hook, of commands after Puppet, or of a renewal")]
    aside_since: Annotated[str | None, Field(description="since when, RFC 3339")]
    profiles: Annotated[list[str], Field(description="hardware profiles that match")]
    refused: Annotated[dict[str, str], Field(description="every other profile, and why it does not match")]


class MachinePage(MachineRow):
    """One machine whole."""

    events: Annotated[list[EventRow], Field(description="the last ones, the newest last")]


class ClusterRow(TypedDict):
    """One role of one cluster."""

    cluster: str
    role: str
    wanted: Annotated[int | None, Field(description="machines; null: every one that fits")]
    enrolled: int
    in_service: int
    vips: Annotated[dict[str, str], Field(description="the cluster's virtual addresses, by what they serve")]


class SecretRow(TypedDict):
    """One secret, without its value."""

    name: Annotated[str, Field(description="OWNER:SERVICE/KIND")]
    form: str
    minted: _Moment


class CertificateRow(TypedDict):
    """One certificate."""

    name: Annotated[str, Field(description="OWNER:SERVICE/KIND")]
    expires: _Moment
    days: Annotated[int, Field(description="until it ends; negative: since it ended")]
    state: Annotated[
        Literal["good", "due", "ended"], Field(description="due: within the fleet's policy.renew_before of its end")
    ]


class ImageState(TypedDict):
    """Whether the live image is what would be built now."""

    current: bool
    built_at: Annotated[str | None, Field(description="null: there is none, or nobody knows")]
    problems: list[str]


class RackingJson(TypedDict):
    """Where a machine stands, by its LLDP neighbours."""

    dc: str
    row: str
    rack: str
    u: Annotated[int | None, Field(description="lowest rack unit")]
    height: Annotated[int, Field(description="rack units", ge=1)]
    location: Annotated[str | None, Field(description="name of a Location")]
    compute_aggregate: str | None
    switch: str
    port: str
    doubt: Annotated[str | None, Field(description="why this may be the wrong place")]


class MatchLine(TypedDict):
    """What the hardware profiles say of one report."""

    serial: Annotated[str, Field(description="chassis serial, as reported")]
    profiles: Annotated[list[str], Field(description="those that match; one is taken only when it is alone here")]
    refused: Annotated[dict[str, str], Field(description="every other profile, and why it does not match")]
    left_over: Annotated[
        list[str], Field(description="disks that no entry of the profile that is taken names: nobody touches them")
    ]
    racking: Annotated[RackingJson | None, Field(description="null where its switches are not known")]
