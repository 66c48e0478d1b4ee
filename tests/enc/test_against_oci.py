"""Our documents beside those that the real OCI 43.0.45 gave for three clusters."""

import json
from typing import Any

import pytest

from reconciler.enc.compile import compile_node
from reconciler.enc.view import views

from ..reference.clusters import CLUSTERS
from ..reference.compare import Compared, compare, corrections
from .oci_recorded import Recorded

SHAPES = {"a_swift_only": (1769, 0), "c_compute_ceph": (2409, 14), "g_bgp_dns_sql": (3748, 55)}
"""How many parameters OCI gave in all, and how many of them we correct."""


@pytest.mark.parametrize("shape", SHAPES)
def test_every_parameter_is_what_oci_gives_or_a_correction(shape: str) -> None:
    cluster = CLUSTERS[shape]
    compared = compare(cluster.documents, Recorded(cluster).documents(), corrections(shape))
    total, corrected = SHAPES[shape]
    assert compared == Compared(total, total - corrected, corrected, differences=())


@pytest.mark.parametrize("shape", SHAPES)
def test_every_correction_that_is_listed_is_one(shape: str) -> None:
    """A line of the list that corrects nothing any more would hide the next mistake."""
    cluster = CLUSTERS[shape]
    ours: dict[str, dict[str, dict[str, Any]]] = {
        hostname: json.loads(json.dumps(compile_node(view).document["classes"], default=str))
        for hostname, view in views(Recorded(cluster).given()).items()
    }
    for one in corrections(shape):
        pairs = (
            (
                given[one.puppet_class].get(one.parameter),
                cluster.documents[host].get(one.puppet_class, {}).get(one.parameter),
            )
            for host, given in ours.items()
            if one.puppet_class in given
        )
        assert any(mine != theirs for mine, theirs in pairs), one
