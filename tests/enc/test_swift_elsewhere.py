"""Images and backups in another Swift: one that settings describe, or that of a linked cluster."""

import pytest

from reconciler.enc.compile import secrets_in
from reconciler.enc.params import Value
from reconciler.enc.view import ClusterInput
from reconciler.model.machine import SecretRef

from .openstack import compiled, openstack, rows

LINKED = """
apiVersion: reconciler/v1
kind: Cluster
metadata: {name: store}
spec:
  domain: example.org
  region: swiftregion
  settings: SETTINGS
"""


def linked(settings: str = "{}", own: str = "{}") -> ClusterInput:
    """The cluster, which links to ``store``."""
    given = openstack(
        {"controller": 1, "compute": 1, "volume": 1},
        settings=f"{own}\n  links: {{swift: store}}",
        more=LINKED.replace("SETTINGS", settings),
    )
    return given


def elsewhere(given: ClusterInput, short: str = "os-controller-1") -> dict[str, Value]:
    found = rows(given, short).items()
    return {name.removeprefix("extswift_"): value for name, value in found if name.startswith("extswift_")}


def test_no_other_swift_is_spoken_of_without_a_reason() -> None:
    assert elsewhere(openstack({"controller": 1})) == {}


@pytest.mark.parametrize("short", ["os-controller-1", "os-volume-1"])
def test_a_link_says_it_all(short: str) -> None:
    assert elsewhere(linked(), short) == {
        "use_external": True,
        "auth_url": "https://store-api.example.org/identity",
        "region": "swiftregion",
        "proxy_url": "https://store-api.example.org/object/v1/AUTH_",
        "project_name": "services",
        "project_domain_name": "default",
        "user_name": "swift",
        "user_domain_name": "default",
        "password": "swift/authtoken",
    }


def test_the_password_is_the_other_clusters_own_secret() -> None:
    refs = secrets_in(compiled(linked()))
    assert SecretRef("store", "swift", "authtoken") in refs and SecretRef("os", "swift", "authtoken") in refs


@pytest.mark.parametrize(
    ("settings", "auth_url", "proxy_url"),
    [
        (
            "{swift_proxy_hostname: s3.example.org}",
            "https://store-api.example.org/identity",
            "https://s3.example.org/object/v1/AUTH_",
        ),
        (
            "{haproxy_use_sni: true}",
            "https://identity.store-api.example.org",
            "https://s3.store-api.example.org/v1/AUTH_",
        ),
        (
            '{external_keystone_activate: true, external_keystone_url: "https://id.example.net/identity"}',
            "https://id.example.net/identity",
            "https://store-api.example.org/object/v1/AUTH_",
        ),
    ],
)
def test_addresses_are_those_of_the_other_cluster(settings: str, auth_url: str, proxy_url: str) -> None:
    found = elsewhere(linked(settings))
    assert (found["auth_url"], found["proxy_url"]) == (auth_url, proxy_url)


def test_what_an_operator_wrote_wins_over_the_link() -> None:
    found = elsewhere(linked(own="{extswift_user_name: images, extswift_project_name: images, extswift_password: x1}"))
    assert (found["user_name"], found["project_name"], found["password"]) == ("images", "images", "x1")
    assert found["region"] == "swiftregion"


def test_settings_alone_describe_a_swift_outside_the_fleet() -> None:
    found = elsewhere(openstack({"controller": 1}, settings="{extswift_use_external: true, extswift_region: far}"))
    assert (found["use_external"], found["region"]) == (True, "far")
    assert found["auth_url"] == "https://api.example.com/identity"
