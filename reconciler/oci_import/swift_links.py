"""A Swift that OCI calls external, and that another of its clusters has: a link between the two."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from .database import Row, Tables
from .machines import is_set


def swift_of(cluster: Row, tables: Tables) -> Row | None:
    """The cluster of the same OCI in whose Swift this one stores; None: it has its own, or one that OCI knows not.

    Nor is it a link where OCI was not told who stores there: a link says so.
    """
    told = ("extswift_project_name", "extswift_user_name", "extswift_password")
    if cluster.get("extswift_use_external") != "yes" or not all(is_set(cluster.get(name)) for name in told):
        return None
    host = urlsplit(str(cluster["extswift_auth_url"])).hostname
    others = (row for row in tables["clusters"] if row["id"] != cluster["id"])
    return next((row for row in others if host == api_of(row)), None)


def api_of(cluster: Row) -> str:
    """The name under which a cluster's API is known."""
    given = cluster.get("vip_hostname")
    return str(given) if is_set(given) else f"{cluster['name']}-api.{cluster['domain']}"


def follows_from_link(other: Row, tables: Tables) -> Mapping[str, Any]:
    """What a link to the cluster says, as settings: who writes the link need not write them."""
    if other.get("haproxy_use_sni") == "yes" or other.get("external_keystone_activate") == "yes":
        return {"extswift_use_external": True}  # it says other addresses than these
    api, proxy = api_of(other), other.get("swift_proxy_hostname")
    passwords = (
        row["pass"]
        for row in tables.get("passwords", ())
        if (row["cluster"], row["service"], row["passtype"]) == (other["id"], "swift", "authtoken")
    )
    return {
        "extswift_use_external": True,
        "extswift_auth_url": f"https://{api}/identity",
        "extswift_region": other["region_name"],
        "extswift_proxy_url": f"https://{proxy if is_set(proxy) else api}/object/v1/AUTH_",
        "extswift_project_name": "services",
        "extswift_user_name": "swift",
        "extswift_password": next(passwords, None),
    }
