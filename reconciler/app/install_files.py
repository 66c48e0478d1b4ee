"""The files of one node for its install: its place in the cluster and its secrets, put together when it begins.

Nothing of it is in a plan. What is missing is made: the host key of the node, and the authority that signs it.
"""

from collections.abc import Mapping
from dataclasses import replace

from ..enc import node_texts
from ..enc.repositories import repository_files
from ..enc.view import EncError, View
from ..model.actions import InstallOs
from ..model.errors import PermanentError
from ..model.files import File
from ..model.machine import SecretRef
from ..model.repositories import repository_tokens
from ..model.roles import facts_of, needed_by
from ..model.secret_parts import part_of
from ..provisioning.node_files import NodeSecrets, NodeTexts, SshHost, node_files
from ..store.secrets.ssh_host import host_certificate
from .directory import host_authority
from .node_document import view_of
from .site import Site


class NodeFiles:
    """Gives every install its files. May be called from any thread."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def __call__(self, action: InstallOs) -> Mapping[str, File]:
        """The files that the installer finds beforehand, by absolute path in the live system.

        Raises:
            PermanentError: The node's place or one of its secrets is missing.
        """
        try:
            view = view_of(self._site, action.hostname)
            known = replace(_texts(view), rings=self._rings(action))
        except EncError as error:
            raise PermanentError(str(error)) from error
        return node_files(action, view.fleet, known, self._secrets(action, view))

    def _rings(self, action: InstallOs) -> Mapping[str, bytes]:
        """What Swift's servers cannot start without."""
        if facts_of(action.role).object_store != "swift":
            return {}
        return {name: built.file for name, built in self._site.store.ring_builders(action.cluster).items()}

    def _secrets(self, action: InstallOs, view: View) -> NodeSecrets:
        """The node's keys and certificates. What nobody has made yet is made."""
        host, authority = _host_key(action.hostname), host_authority(action.cluster)
        wanted = _secrets_of_node(action, view)
        self._site.certificates.mint(wanted)
        made = self._site.store.secrets_of({ref.owner for ref in wanted})

        def parts(ref: SecretRef, *names: str) -> dict[str, str]:
            return {name: part_of(made[ref], ref.form, name) for name in names} if ref in made else {}

        every = ("key", "crt", "csr", "pem")
        root_ca, oci_ca = parts(_pki("fleet", "root_ca"), "crt"), parts(_pki("fleet", "oci_ca"), "crt", "chain")
        key = parts(host, "private", "authorized")
        login = parts(_controllers_key(action.cluster), "private", "authorized")
        names = (action.hostname, view.node.short_hostname, *(to for _, to in view.node.networks), "localhost")
        return NodeSecrets(
            root_ca=root_ca["crt"],
            oci_ca=oci_ca["crt"],
            chain=oci_ca["chain"],
            node=parts(_pki(action.hostname, "snakeoil"), *every),
            api=parts(_pki(action.cluster, "api"), *every),
            swiftproxy=parts(_pki(action.cluster, "swiftproxy"), *every),
            root_ssh=(login["private"], login["authorized"]) if facts_of(action.role).leads else None,
            ssh_host=SshHost(
                private=key["private"],
                public=key["authorized"],
                certificate=host_certificate(made[authority], made[host], names, self._site.now()),
                authority=part_of(made[authority], authority.form, "authorized"),
            ),
        )


def _secrets_of_node(action: InstallOs, view: View) -> list[SecretRef]:
    """What the node's files hold of secrets: its own, and those of its cluster and of the fleet that its role needs."""
    facts = facts_of(action.role)
    wanted = [
        _pki("fleet", "root_ca"),
        _pki("fleet", "oci_ca"),
        _pki(action.hostname, "snakeoil"),
        _host_key(action.hostname),
        host_authority(action.cluster),
    ]
    if view.cluster.api_network is not None:
        wanted.append(_pki(action.cluster, "api"))
    if facts.has_proxy_certificate and view.setting("swift_proxy_hostname"):
        wanted.append(_pki(action.cluster, "swiftproxy"))
    if facts.leads:
        wanted.append(_controllers_key(action.cluster))
    return wanted


def _texts(v: View) -> NodeTexts:
    """What the node's files are made of, secrets apart.

    Raises:
        EncError: A value that they need cannot be derived as things are now.
    """
    facts = facts_of(v.node.role)

    asked = {role for role, pool in v.cluster.spec.roles.items() if pool.count != 0}

    def holds(name: str) -> bool:
        return v.setting(name) is True

    return NodeTexts(
        hosts=node_texts.hosts_of_node(v) + node_texts.hosts_of_cluster(v),
        facts=node_texts.facts(v),
        data_disks=v.node.member.data_disks or (),
        openstack_release=v.fleet.release.openstack,
        repositories=repository_files(v),
        repository_tokens=repository_tokens(v.fleet),
        self_signed_api=v.cluster.api_is_self_signed,
        megaraid=v.node.hardware.has_raid_controller is not False,  # nor where nobody knows: the tools harm nothing
        stores_ceph=facts.may_run_osds and holds("compute_is_cephosd"),
        makes_osds=holds("cephosd_automatic_provisionning"),
        separate_volume_groups=facts.makes_volume_groups and holds("cinder_separate_volume_groups"),
        nested_virtualisation=holds("nested_virt"),
        waits_for_others=bool(needed_by(v.node.role, asked)),
        nics=v.node.hardware.nics,
    )


def _pki(owner: str, kind: str) -> SecretRef:
    return SecretRef(owner, "pki", kind, "certificate")


def _controllers_key(cluster: str) -> SecretRef:
    """With this root on one controller logs in to the others, to hand on rotated keys and images."""
    return SecretRef(cluster, "ssh", "controllers", "ssh")


def _host_key(hostname: str) -> SecretRef:
    return SecretRef(hostname, "sshd", "host", "ssh")
