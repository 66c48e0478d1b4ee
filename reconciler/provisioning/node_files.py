"""Files that lie ready in the live system when the installer starts, for the installed system's first boot.

Two trees, as OCI's hook script (``openstack-cluster-installer-bodi-hook-script`` 43) takes them: what it reads from the
root of the live system and puts where it belongs, and what stands below ``/oci-in-target`` and is copied as it is.

Other than in OCI, the API's private key goes to controllers only, and host certificates are named in a file of their
own: OCI's hook names the bare public keys instead.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..model.actions import InstallOs
from ..model.files import PRIVATE, PUBLIC, File, private, public
from ..model.hardware import Nic
from ..model.kinds import FleetSpec
from ..model.roles import facts_of
from . import commands, puppet_runs, ring_files
from .nic_names import link_files

_PARTS = ("key", "crt", "csr", "pem")
_SSHD = "/etc/ssh/sshd_config.d/reconciler-host-certificate.conf"
_HOST_KEY = "/etc/ssh/ssh_host_rsa_key"

_HOLDS = f"/etc/systemd/system/{puppet_runs.FIRST_BOOT_UNIT}.d/reconciler-hold.conf"
_HELD = f"""\
# The first boot runs Puppet. It waits until the reconciler has seen that what this node needs is there.
[Unit]
ConditionPathExists=!{puppet_runs.HOLD_FILE}
"""

_PUPPET = """\
[main]
server = {}
include_legacy_facts = true
runtimeout = 7200
top_level_facts_soft_limit = 81920
number_of_facts_soft_limit = 40960
fact_value_length_soft_limit = 40960
usecacheonfailure = false
"""
"""OCI's hook edits Debian's puppet.conf before it copies this one over it; Debian's holds comments only.

Debian's own modules (collectd's, for one) use legacy facts, which Puppet leaves out since 8 (trixie). A controller's
first run takes longer than Puppet's hour. Nodes with many interfaces have many facts. A run that gets no new catalog
fails, rather than applying an old one once more and calling that a success.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeTexts:
    """What is worked out elsewhere of one node; nothing in it is secret."""

    hosts: str  # /etc/hosts
    facts: str  # YAML for Facter
    data_disks: tuple[str, ...]  # names of its disks without the system's, as the agent sorts them
    openstack_release: str
    repositories: Mapping[str, str] = field(default_factory=dict)  # path below /etc/oci/repos -> text
    repository_tokens: Mapping[str, str] = field(default_factory=dict)
    self_signed_api: bool = False
    megaraid: bool = False
    stores_ceph: bool = False  # a compute node with OSDs
    makes_osds: bool = False  # at first boot, of its data disks
    separate_volume_groups: bool = False
    nested_virtualisation: bool = False
    waits_for_others: bool = False  # its first boot is held until the roles serve that it needs
    rings: Mapping[str, bytes] = field(default_factory=dict)  # Swift's, by name
    nics: tuple[Nic, ...] = ()  # as the machine reported them


@dataclass(frozen=True, slots=True, kw_only=True)
class SshHost:
    """A node's SSH host key, signed by the cluster's authority for such keys."""

    private: str  # OpenSSH's form
    public: str  # "ssh-rsa AAAA..."
    certificate: str  # "ssh-rsa-cert-v01@openssh.com AAAA..."
    authority: str  # the authority's public key


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSecrets:
    """The node's keys and certificates: PEM by part (key, crt, csr, pem), where it has them."""

    root_ca: str = field(repr=False)
    oci_ca: str = field(repr=False)
    chain: str = field(repr=False)  # both, root first
    node: Mapping[str, str] = field(repr=False)
    api: Mapping[str, str] = field(default_factory=dict, repr=False)
    swiftproxy: Mapping[str, str] = field(default_factory=dict, repr=False)
    root_ssh: tuple[str, str] | None = field(default=None, repr=False)  # private key, line for authorized_keys
    ssh_host: SshHost | None = field(default=None, repr=False)


def node_files(action: InstallOs, fleet: FleetSpec, texts: NodeTexts, secrets: NodeSecrets) -> dict[str, File]:
    """Every file by absolute path in the live system."""
    return {
        **_for_the_hook(action, fleet, texts, secrets),
        **{commands.TARGET + path: file for path, file in _in_target(action, fleet, texts, secrets).items()},
    }


def _for_the_hook(action: InstallOs, fleet: FleetSpec, texts: NodeTexts, secrets: NodeSecrets) -> dict[str, File]:
    """Files that OCI's hook script reads from the root of the live system, by path there.

    Not ``/self-signed-api-cert``: the hook would make a folder where the node has the file of that name, and fail.
    """
    facts = facts_of(action.role)
    api = _PARTS if facts.leads else ("crt", "csr")
    tokens = "".join(f"{name}={value}\n" for name, value in sorted(texts.repository_tokens.items()))
    return {
        "/puppet-master-host": public(fleet.provisioning.hostname),
        "/etc/oci_openstack_release": public(f"{texts.openstack_release}\n"),
        "/etc/oci_debian_release": public(f"{action.release}\n"),
        "/etc/oci_debian_mirror": public(f"{fleet.mirrors.debian}\n"),
        "/etc/oci_debian_mirror_ceph": public(""),  # of a repository that no switch turns on; the hook ends without it
        "/etc/oci/my-role": public(action.role),
        **{f"/etc/oci/repos/{path}": public(text) for path, text in texts.repositories.items()},
        **({"/etc/oci/repo-tokens": private(tokens)} if tokens else {}),
        "/oci-pki-root-ca.pem": public(secrets.root_ca),
        "/oci-pki-oci-ca.pem": public(secrets.oci_ca),
        "/oci-pki-oci-ca-chain.pem": public(secrets.chain),
        **_certificate(f"/{action.hostname}", secrets.node, _PARTS),
        **_certificate("/oci-pki-api", secrets.api, api),
        **(_certificate("/oci-pki-swiftproxy", secrets.swiftproxy, _PARTS) if facts.has_proxy_certificate else {}),
    }


def _certificate(stem: str, parts: Mapping[str, str], wanted: Iterable[str]) -> dict[str, File]:
    return {
        f"{stem}.{part}": (private if part in ("key", "pem") else public)(parts[part])
        for part in wanted
        if part in parts
    }


def _in_target(action: InstallOs, fleet: FleetSpec, texts: NodeTexts, secrets: NodeSecrets) -> dict[str, File]:
    """Files of the installed system, by path in it.

    Not the authorities below ``/usr/share/ca-certificates``: OCI's class has the node believe them when it writes them,
    and never where they lie there already.
    """
    proxy = {"/etc/oci/http_proxy_addr": public(fleet.http_proxy.address)} if fleet.http_proxy.enabled else {}
    return {
        "/etc/hosts": public(texts.hosts),
        "/etc/motd": public(f"\nThis is {action.hostname} ({action.role} of {action.cluster}), {action.serial}.\n\n"),
        commands.SERVER_FILE: public(f"{fleet.provisioning.address}\n"),
        **proxy,
        "/etc/oci/oci-version": public("reconciler"),  # tells the hook that everything it may need is staged
        "/etc/oci/my-ip": public(action.address),
        "/etc/oci/my-role": public(action.role),
        "/etc/oci/data-disks": public("".join(f"{name}\n" for name in texts.data_disks)),
        **{f"/etc/oci/{name}": public("yes") for name in _flags(action, texts)},
        "/etc/facter/facts.d/oci_facts.yaml": public(texts.facts),
        **{ring_files.ring_path(ring): File(content, PUBLIC) for ring, content in texts.rings.items()},
        "/etc/puppet/puppet.conf": public(_PUPPET.format(fleet.provisioning.hostname)),
        **link_files(action.release, texts.nics),
        **_kvm(action, texts),
        **_first_boot(action, texts),
        **_ssh(secrets),
    }


def _flags(action: InstallOs, texts: NodeTexts) -> list[str]:
    """Files below /etc/oci whose being there says something."""
    said = {
        "self-signed-api-cert": texts.self_signed_api,
        "setup-megacli-intarget": texts.megaraid,
        "compute_is_cephosd": texts.stores_ceph,
        "cinder-separate-volume-groups": texts.separate_volume_groups,
        "cephosd-automatic-provisionning": texts.makes_osds and (facts_of(action.role).runs_osds or texts.stores_ceph),
    }
    return [name for name, holds in said.items() if holds]


def _kvm(action: InstallOs, texts: NodeTexts) -> dict[str, File]:
    if not facts_of(action.role).runs_instances:
        return {}
    nested = int(texts.nested_virtualisation)
    return {
        "/etc/modprobe.d/kvm.conf": public(f"options kvm_intel nested={nested}\n"),
        "/etc/modprobe.d/kvm_amd.conf": public(f"options kvm_amd nested={nested}\n"),
    }


def _first_boot(action: InstallOs, texts: NodeTexts) -> dict[str, File]:
    """What makes the first boot run Puppet; OCI's hook does this beside copying a certificate of the Puppet server's.

    The node asks the Puppet server for a certificate of its own, so no private key travels.
    """
    default = public("os_service_default=<SERVICE DEFAULT>\n")
    immutable = public("os_immutable=<SERVICE DEFAULT>\n")
    cacert = public(f"[Service]\nEnvironment=OS_CACERT={puppet_runs.CHAIN_FILE}\n")
    return {
        puppet_runs.FIRST_BOOT_FLAG: File(b"", PRIVATE),
        **({puppet_runs.HOLD_FILE: public(""), _HOLDS: public(_HELD)} if texts.waits_for_others else {}),
        "/etc/facter/facts.d/os_service_default.txt": default,
        "/etc/facter/facts.d/os_immutable.txt": immutable,
        **({"/etc/systemd/system/puppet.service.d/oci-ca-cert.conf": cacert} if texts.self_signed_api else {}),
    }


def _ssh(secrets: NodeSecrets) -> dict[str, File]:
    """Root's key pair for nodes that have one, and the host key with its certificate and authority."""
    found: dict[str, File] = {}
    if secrets.root_ssh is not None:
        key, line = secrets.root_ssh
        found |= {
            f"{commands.ROOT_HOME}/.ssh/id_rsa": private(key),
            f"{commands.ROOT_HOME}/.ssh/id_rsa.pub": public(f"{line}\n"),
        }
    if host := secrets.ssh_host:
        found |= {
            _HOST_KEY: private(host.private),
            f"{_HOST_KEY}.pub": public(f"{host.public}\n"),
            f"{_HOST_KEY}-cert.pub": public(f"{host.certificate}\n"),
            _SSHD: public(f"HostCertificate {_HOST_KEY}-cert.pub\n"),
            "/etc/ssh/ca.pub": public(f"{host.authority}\n"),
            "/etc/ssh/ssh_known_hosts": public(f"@cert-authority * {host.authority}\n"),
        }
    return found
