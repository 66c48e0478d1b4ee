"""The documents of the small Swift cluster, as reviewed; ``GOLDEN=overwrite pytest`` rewrites them."""

import os
from pathlib import Path

import pytest

from reconciler.enc import yaml_writer
from reconciler.enc.compile import compile_node
from reconciler.enc.explain import explain
from reconciler.enc.view import views
from reconciler.render.explain import explain_text

from .build import swift_cluster

GOLDEN = Path(__file__).parent / "golden/z"
OLDER = "42.2.5"
VIEWS = views(swift_cluster())


def expect_text(path: Path, got: str) -> None:
    if os.environ.get("GOLDEN") == "overwrite":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(got)
    assert got == path.read_text(), f"{path.name} differs; GOLDEN=overwrite rewrites it"


@pytest.mark.parametrize("hostname", sorted(VIEWS))
def test_document(hostname: str) -> None:
    expect_text(GOLDEN / f"{hostname}.yaml", yaml_writer.dump(compile_node(VIEWS[hostname]).document))


def test_document_for_an_older_module() -> None:
    hostname = "z-swiftproxy-1.example.com"
    view = views(swift_cluster(version=OLDER))[hostname]
    expect_text(GOLDEN / f"{hostname}-{OLDER}.yaml", yaml_writer.dump(compile_node(view).document))


@pytest.mark.parametrize("hostname", ["z-controller-1.example.com", "z-swiftstore-1.example.com"])
def test_explanation(hostname: str) -> None:
    expect_text(GOLDEN / f"{hostname}.txt", explain_text(explain(compile_node(VIEWS[hostname]))))
