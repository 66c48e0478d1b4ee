"""A fleet lives under the real daemon, from blank servers to a cluster in service, whatever goes wrong meanwhile."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from reconciler.simulator.campaign import Lab, lab_of, never_enough, replays
from reconciler.simulator.simulation import Ending

ROOT = Path(__file__).parents[2]
SPECS = ROOT / "cluster-specs"

DIGEST = """
from pathlib import Path
from reconciler.simulator.campaign import lab_of
with lab_of(Path({specs!r}), 900.0) as lab:
    print(lab.live(7, {{}}).digest)
"""

SEEDS = range(int(os.environ.get("SIMULATED", "6")))
"""Of each CI run; ``SIMULATED`` asks for more. A history takes some seconds of a processor."""

SOMETIMES = {
    **dict.fromkeys(("phase in-service", "journal erasing", "Wait in-flight", "page machines 200"), len(SEEDS)),
    **dict.fromkeys(("journal interrupted", "journal failed", "Wait failed", "journal refused-report"), 1),
    **dict.fromkeys(("Wait foreign-data", "journal approved"), 1),
}
"""What must happen in so many of these histories, else they do not try what they are for."""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with lab_of(SPECS, 1500.0) as made:
        yield made


Lived = Callable[[int], Ending]


@pytest.fixture(scope="module")
def lived(lab: Lab) -> Lived:
    """Lives through a seed with the faults that it draws, once."""
    return cache(lab.live)


@pytest.fixture(scope="module")
def calm(lab: Lab) -> Ending:
    return lab.live(7, {})


def test_twelve_blank_servers_come_into_service(calm: Ending) -> None:
    assert (calm.in_service, calm.waits) == (12, ())
    assert (calm.violations, calm.problems) == ((), ())


@pytest.mark.lengthy
def test_a_history_is_the_same_again_in_this_process_and_in_any_other(lab: Lab, calm: Ending) -> None:
    again = lab.live(7, {})
    assert again.trace == calm.trace
    assert (again.digest, again.steps) == (calm.digest, calm.steps)
    words = [sys.executable, "-c", DIGEST.format(specs=str(SPECS))]
    elsewhere = subprocess.run(
        words, cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": "4711"}, capture_output=True, text=True, check=True
    )
    assert elsewhere.stdout.strip() == calm.digest


def test_another_seed_is_another_history(lab: Lab, calm: Ending) -> None:
    other = lab.live(8, {})
    assert other.in_service == 12
    assert other.digest != calm.digest


@pytest.mark.lengthy
@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_goes_wrong_no_rule_is_broken(lived: Lived, seed: int) -> None:
    ending = lived(seed)
    assert (ending.violations, ending.problems) == ((), ()), replays(seed)


@pytest.mark.lengthy
def test_what_these_histories_are_for_happens_in_them(lived: Lived) -> None:
    assert never_enough([lived(seed) for seed in SEEDS], SOMETIMES) == ()
