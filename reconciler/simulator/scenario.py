"""Scenarios: the beginning of a simulated history, what comes, and the configuration of its daemon."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..app.config import Config, ListenConfig, SourceConfig, TimingsConfig
from ..app.spec_source import CheckSpecs, check
from .hardware import CONTROLLER, PROXY, STORE, Model
from .life import Pace
from .wires import FINE, Weather

BEGINS = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

TWELVE: Mapping[str, tuple[Model, ...]] = {
    zone: (CONTROLLER, PROXY, STORE, STORE) for zone in ("zone-1", "zone-2", "zone-3")
}
"""What the example specs ask for."""

PACE = Pace(boot=8.0, report_every=10.0, install_step=4.0, puppet=10.0, services=3.0)
"""``model.rehearsal.TIMES_AS_FAST`` as real servers. The daemon's patience is shorter in the same way."""

PATIENCE: Mapping[str, Any] = {
    "bmc_poll": "60s",
    "puppet_poll": "60s",
    "gate_poll": "60s",
    "gate_again": "2s",
    "rings_poll": "60s",
    "install_poll": "5s",
    "lease": "30s",
}
TIMINGS: Mapping[str, Any] = {
    "back_off": "5s",
    "back_off_cap": "40s",
    "report_every": "10s",
    "live_boot": "60s",
    "first_boot": "60s",
    "puppet_silence": "120s",
}


@dataclass(frozen=True)
class Scenario:
    """What there is at the beginning, and what comes."""

    specs: Mapping[str, bytes]  # by path from the repository's root
    racks: Mapping[str, tuple[Model, ...]] = field(default_factory=lambda: TWELVE)
    pace: Pace = PACE
    weather: Weather = FINE
    limit: float = 3600.0  # seconds of the history, at most
    change: Mapping[str, bytes] | None = None  # specs that are committed a while later; None: those stay
    begins: datetime = BEGINS
    check: CheckSpecs = check  # makes trees of specs


def config_of(folder: Path, scenario: Scenario, listen: str) -> Config:
    """The configuration of the daemon of a history.

    Args:
        folder: Of its database and its state.
        scenario: What the history begins with.
        listen: The address that it answers at, on port 8080.
    """
    return Config.model_validate(
        {
            "source": SourceConfig(url="simulated", folder="cluster-specs"),
            "database": f"sqlite:///{folder}/reconciler.db",
            "state": folder / "state",
            "listen": ListenConfig(address=listen, port=8080),
            "bmc_protocol": "simulated",
            "timings": TimingsConfig.model_validate(dict(TIMINGS)),
            **PATIENCE,
        }
    )


def read_specs(folder: Path) -> dict[str, bytes]:
    """The files of a spec tree, as a repository has them in its folder of that name."""
    return {f"cluster-specs/{path.relative_to(folder)}": path.read_bytes() for path in sorted(folder.rglob("*.yaml"))}
