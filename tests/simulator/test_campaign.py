"""Swarms are drawn by their seeds, and what breaks a rule is made as small as it can be."""

from reconciler.simulator.campaign import never_enough, replays, shrunk
from reconciler.simulator.chance import Chance
from reconciler.simulator.faults import FAULTS, Swarm, swarm_of
from reconciler.simulator.judge import Invariant, Violation
from reconciler.simulator.simulation import Ending


def ended(seed: int, swarm: Swarm, *rules: Invariant, seen: frozenset[str] = frozenset()) -> Ending:
    broken = tuple(Violation(rule, 1.0, "it broke") for rule in rules)
    return Ending(seed, swarm, 100.0, 1000, 12, (), seen, (), broken, ())


def test_a_seed_draws_its_swarm() -> None:
    swarms = [swarm_of(Chance(seed)) for seed in range(50)]
    assert swarms == [swarm_of(Chance(seed)) for seed in range(50)]
    assert {name for swarm in swarms for name in swarm} == set(FAULTS)
    assert all(0.1 <= dose <= 1.0 for swarm in swarms for dose in swarm.values())


def test_the_least_that_breaks_the_same_rule_is_found() -> None:
    tried: list[Swarm] = []

    def live(seed: int, swarm: Swarm) -> Ending:
        tried.append(swarm)
        breaks = swarm.get("kills", 0) >= 0.3
        return ended(seed, swarm, *([Invariant.ONE_SESSION] if breaks else [Invariant.NO_TWINS]))

    least = shrunk(ended(3, {"buttons": 0.4, "kills": 1.0, "network": 0.9}, Invariant.ONE_SESSION), live)
    assert least.swarm == {"kills": 0.5}
    assert len(tried) < 12


def test_what_is_reached_too_seldom_is_told() -> None:
    some = [ended(seed, {}, seen=frozenset({"a"} if seed else {"a", "b"})) for seed in range(3)]
    assert never_enough(some, {"a": 3, "b": 1}) == ()
    assert never_enough(some, {"b": 2, "c": 1}) == ("b: in 1 histories, not 2", "c: in 0 histories, not 1")


def test_the_command_that_replays_names_seed_and_faults() -> None:
    assert replays(7) == "python -m reconciler.simulator.campaign 7 8"
    assert replays(7, {"kills": 0.5}).endswith("""7 8 --faults '{"kills": 0.5}'""")
