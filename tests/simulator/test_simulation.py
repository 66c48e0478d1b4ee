"""A fleet lives under the real daemon, from blank servers to a cluster in service."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.simulator.simulation import Ending, Scenario, Simulation, Template, read_specs

SPECS = Path(__file__).parents[2] / "cluster-specs"
SCENARIO = Scenario(read_specs(SPECS), limit=900)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Template]:
    yield Template(tmp_path_factory.mktemp("template"), SCENARIO)


def lived(seed: int, template: Template, folder: Path) -> Ending:
    return Simulation(seed, SCENARIO, template, folder).run()


def test_twelve_blank_servers_come_into_service(template: Template, tmp_path: Path) -> None:
    ended = lived(7, template, tmp_path)
    assert ended.in_service == 12
    assert ended.problems == ()


def test_another_seed_is_another_history(template: Template, tmp_path: Path) -> None:
    one, other = (lived(seed, template, tmp_path / str(seed)) for seed in (1, 2))
    assert one.in_service == other.in_service == 12
    assert one.digest != other.digest
