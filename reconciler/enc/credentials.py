"""Secrets that OpenStack's services share, by the names that OCI keeps them under, so that an import carries them over.

Most are 64 hexadecimal digits. One is named the same by every class that gets it, and
so has one form: that is why the exceptions are listed here, and nowhere else.
"""

from .params import Secret, Source

FORMS = {
    ("barbican", "kek"): "fernet",
    ("ceph", "fsid"): "uuid",
    ("ceph", "libvirtuuid"): "uuid",
    ("designate", "rndckey"): "rndc",
    ("gnocchi", "uuid"): "uuid",
    ("keystone", "credential1"): "fernet",
    ("keystone", "credential2"): "fernet",
    ("keystone", "fernetkey1"): "fernet",
    ("keystone", "fernetkey2"): "fernet",
    **{("ceph", kind): "cephx" for kind in ("adminkey", "monkey", "mgrkey", "openstackkey")},
    **{("ceph", kind): "cephx" for kind in ("bootstraposdkey", "bootstraprgwkey")},
}
"""Form by service and kind, of secrets that are not hexadecimal."""


def credential(service: str, kind: str) -> Secret:
    """A secret of the cluster. The Ceph of a cluster's telemetry, ``bill``, has the same kinds as ``ceph``."""
    form = FORMS.get(("ceph" if service == "bill" else service, kind), "hex")
    return Secret(service, kind, form=form)


def credentials(service: str, *kinds: str) -> dict[str, Source]:
    """Rows for the regular ``pass_<service>_<kind>`` names."""
    return {f"pass_{service}_{kind}": credential(service, kind) for kind in kinds}


def ssh_pair(service: str) -> dict[str, Source]:
    """Rows for a service's SSH key pair."""
    return {
        f"pass_{service}_ssh_pub": Secret(service, "ssh", "public", form="ssh"),
        f"pass_{service}_ssh_priv": Secret(service, "ssh", "private", form="ssh", base64=True),
    }
