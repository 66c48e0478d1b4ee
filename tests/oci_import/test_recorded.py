"""Clusters with everything that OCI does in its own way: databases, and what OCI 43.0.45 itself answered for them.

``zones``: all roles, several Cephs, SNI names, EC, filebeat, GPUs that share a name, CPU models that machines inherit,
a bridge on two networks, first nodes that have not the lowest number, some nodes installed. ``converged``: computes
with OSDs in the first stage, billing nodes, a gateway, Swift and Keystone elsewhere, an API address of its own.
``osds_first``: computes of two zones whose OSDs come before their controllers. ``linked``: two clusters, of which one
stores in the other.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.app.plans import planned
from reconciler.model.plan import Act

from ..reference import facts
from ..reference.clusters import CLUSTERS, VERSION
from ..reference.compare import compare
from .mariadb import MariaDb, running
from .test_database import command, site_of

NOT_RECORDED = ("oci_pki_", "ssl_cert_")


@pytest.fixture(scope="module")
def mariadb() -> Iterator[MariaDb]:
    with running() as server:
        yield server


@pytest.mark.parametrize("shape", ["zones", "converged", "osds_first", "linked"])
def test_nothing_changes_for_any_node(
    shape: str, mariadb: MariaDb, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = mariadb.load(shape, CLUSTERS[shape].sql)
    ours = {}
    (tmp_path / "config.yaml").write_text(f"state: {tmp_path}/var\n")
    assert command(url, config, tmp_path) == 0, capsys.readouterr().err
    site = site_of(tmp_path)
    try:
        assert [step for step in planned(site)[0].steps if isinstance(step, Act)] == []
        for view in site.observe().machines:
            assert view.allocation and view.enc_problem is None
            document = site.documents.get(view.allocation.hostname)
            assert document is not None
            ours[document.hostname] = recorded_part(document.yaml)
    finally:
        site.close()
    compared = compare(CLUSTERS[shape].documents, ours, signatures=facts.signatures(VERSION))
    assert compared.differences == ()
    assert compared.equal == compared.total > 500


def recorded_part(document: bytes) -> dict[str, Any]:
    """Without certificates and repositories."""
    classes = yaml.load(document, yaml.CSafeLoader)["classes"].items()
    kept = {name: rows for name, rows in classes if not name.startswith("oci::repos::")}
    return {c: {k: v for k, v in r.items() if not k.startswith(NOT_RECORDED)} for c, r in kept.items()}
