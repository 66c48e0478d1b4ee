"""What all tests share, and that CI forgives no skip."""

import gc
import os
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from . import waits

if TYPE_CHECKING:
    from .enc.broker import Broker
    from .enc.catalogs import Puppet
    from .enc.debian_programs import Programs
    from .enc.debian_services import Services

settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # CI may be busy
settings.register_profile("deep", settings.get_profile("tests"), max_examples=3000)  # make fuzz
settings.load_profile("tests")

pytest.register_assert_rewrite("tests.e2e.checks", "tests.e2e.world")  # so that they too say what differs

gc.disable()  # until all tests are collected: three seconds of each process
os.environ["RECONCILER_CONFIG"] = os.devnull  # commands that tests run find none that this machine may have


GUARD = waits.Guard()


@pytest.hookimpl(tryfirst=True)  # xdist reads in its own what the groups are
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    waits.mark(items)
    for item in items:
        if "e2e" not in item.path.parts:  # these share nothing, and take long: they go to whoever is free
            shares = "puppet" if item.get_closest_marker("puppet") else item.module.__name__
            item.add_marker(pytest.mark.xdist_group(shares))
    items.sort(key=_turn)
    gc.freeze()  # what was collected stays to the end: no test's garbage is looked for in it
    gc.enable()


def _turn(item: pytest.Item) -> int:
    """When a test begins, beside others: what takes minutes first, or one process would end long after all others."""
    if {"apply", "installers"} & set(item.path.parts):
        return 0
    if item.get_closest_marker("puppet"):
        return 1
    return 2 if "e2e" in item.path.parts else 3


@pytest.fixture(scope="session")
def puppet(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Puppet]":
    """Puppet's compiler, which reads each manifest of the modules once."""
    from .enc.catalogs import puppet_in

    with puppet_in(tmp_path_factory.mktemp("catalogs")) as puppet:
        yield puppet


@pytest.fixture(scope="session")
def programs() -> "Programs":
    """Programs of Debian 13, unpacked."""
    from .enc.debian_programs import programs_or_skip

    return programs_or_skip()


@pytest.fixture(scope="session")
def broker() -> "Broker":
    """RabbitMQ of Debian 13, unpacked."""
    from .enc.broker import broker_or_skip

    return broker_or_skip()


@pytest.fixture(scope="session")
def services() -> "Iterator[Services]":
    """What Debian 13's OpenStack knows of options."""
    from .enc.debian_services import services_or_skip

    with services_or_skip() as services:
        yield services


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, Any, Any]:
    """A test that is not marked ``waits`` waits for nothing, nor do the fixtures that it has made."""
    with GUARD.watching(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Nor itself. What ends after it may be another test's: it happened to be the last of its module."""
    with GUARD.watching(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """With SKIPS_ARE_FAILURES (set in CI) a test that cannot run is a test that failed."""
    report = yield
    if report.skipped and os.environ.get("SKIPS_ARE_FAILURES") and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome, report.longrepr = "failed", f"not run, and CI forgives no skip: {reason}"
    return report
