"""``openstack-cluster-installer.conf`` as a Fleet: only what differs from what we would do anyway."""

import configparser
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..model.kinds import FleetSpec, Mirrors, Release
from ..model.kinds.fleet import GlanceImage, HttpProxy, Tempest
from ..model.units import parse_subnet
from .yaml_documents import Noted, SpecDocument, ToDecide, plain

_MIRRORS = {
    "debian": "debian_mirror",
    "security": "debian_security_mirror",
    "backports": "debian_backport_mirror",
    "incoming": "debian_incoming_buildd",
}
_TEMPEST = tuple(Tempest.model_fields)
_GLANCE = {"path": "image_path", "name": "image_name", "ssh_user": "image_ssh_user"}
_HOOKS = {
    "dns": ("dns_plugin", "call_dns_shell_script", "dns_create_script_path"),
    "root_password": ("root_pass_plugin", "call_root_password_change", "root_password_create_script_path"),
    "bmc_password": ("ipmi_pass_plugin", "call_ipmi_password_change", "ipmi_password_create_script_path"),
    "monitoring": ("monitoring_plugin", "call_monitoring_plugin", "monitoring_create_script_path"),
}
_NOWHERE = "192.0.2.1"
"""Of the documentation's network: nobody has it."""

_MODULE = "By what its database looks like. Write another when puppet-module-oci on the Puppet server is another."

Conf = Mapping[str, Mapping[str, str]]


class _AsWritten(configparser.ConfigParser):
    def optionxform(self, optionstr: str) -> str:
        return optionstr  # where the base class makes it lower case


def parse_conf(text: str) -> dict[str, dict[str, str]]:
    """Sections of key and value; quotes around values are taken off.

    Raises:
        ValueError: The text is not such a file.
    """
    parser = _AsWritten(interpolation=None, strict=False, default_section="\0")
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ValueError(str(error).replace("\n", " ")) from None
    return {name: {key: _unquoted(value) for key, value in parser[name].items()} for name in parser.sections()}


def takes_machines_unasked(conf: Conf) -> bool:
    """Whether new machines join a cluster without anybody saying so."""
    return _is(conf.get("auto_provision", {}), "auto_add_machines_to_cluster")


def fleet(
    conf: Conf,
    settings: Mapping[str, Any],
    hostname: str | None = None,
    bmc_networks: Sequence[Any] = (),
    module_version: str | None = None,
) -> tuple[SpecDocument, list[str]]:
    """The Fleet, and what of the file has no counterpart, as sentences.

    Args:
        conf: The file; empty when there is none.
        settings: What every cluster agrees on.
        hostname: Of OCI's server, which its nodes use as their Puppet server.
        bmc_networks: Networks of BMCs, from OCI's database.
        module_version: Of puppet-module-oci; None: it is not known.
    """
    network = conf.get("network", {})
    release = conf.get("releasenames", {})
    spec: dict[str, Any] = {
        "release": _differing(
            Release(), {"openstack": release.get("openstack_release"), "debian": release.get("debian_release")}
        ),
        "mirrors": _differing(Mirrors(), {ours: network.get(theirs) for ours, theirs in _MIRRORS.items()}),
        "provisioning": _provisioning(network, hostname),
        "bmc": _bmc(conf.get("ipmi", {})) | ({"networks": list(bmc_networks)} if bmc_networks else {}),
        "settings": dict(settings),
        "policy": _policy(conf),
        "hooks": _hooks(conf),
        "puppet": Noted({"module_version": module_version}, _MODULE) if module_version else {},
        "http_proxy": _differing(
            HttpProxy(), {"enabled": _is(network, "USE_HTTP_PROXY"), "address": network.get("HTTP_PROXY_ADDR")}
        ),
        "tempest": _differing(Tempest(), {name: conf.get("tempest", {}).get(name) for name in _TEMPEST}),
        "glance_image": _differing(
            GlanceImage(), {ours: conf.get("glance_image", {}).get(theirs) for ours, theirs in _GLANCE.items()}
        ),
        "repository_tokens": {name: value for name, value in conf.get("repo_tokens", {}).items() if value},
    }
    spec = {key: value for key, value in spec.items() if value}
    FleetSpec.model_validate(plain(spec))
    return SpecDocument("Fleet", "fleet", spec), list(_not_carried_over(conf))


def _provisioning(network: Mapping[str, str], hostname: str | None) -> dict[str, Any]:
    given = network.get("TRUSTED_NETWORKS") or network.get("OPENSTACK_CLUSTER_NETWORK") or ""
    trusted: Any = [str(parse_subnet(each.strip())) for each in given.split(",") if each.strip()]
    address: Any = network.get("OCI_IP")
    if not address:
        address = Noted(_NOWHERE, ToDecide("this server's address on the provisioning network was not given."))
    if not trusted:
        trusted = Noted([f"{_NOWHERE}/32"], ToDecide("the networks that machines report from were not given."))
    return {
        "address": address,
        **({"hostname": hostname} if hostname else {}),
        "trusted_networks": trusted,
    }


def _bmc(ipmi: Mapping[str, str]) -> dict[str, Any]:
    username = ipmi.get("automatic_ipmi_username", "")
    return {"username": username} if username not in ("", "oci") else {}


def _policy(conf: Conf) -> Any:
    if not conf or _is(conf.get("auto_install_os", {}), "auto_install_machines_os"):
        return {}
    return Noted({"install": "approval"}, "OCI installed nothing by itself (auto_install_machines_os=no): nor do we.")


def _hooks(conf: Conf) -> dict[str, Any]:
    """OCI's plugins as hooks by name, with the line of the daemon's configuration that defines each."""
    found: dict[str, Any] = {}
    for hook, (section, switch, path) in _HOOKS.items():
        values = conf.get(section, {})
        if _is(values, switch) and values.get(path):
            name, command = hook.replace("_", "-"), json.dumps(values[path])
            found[hook] = Noted(
                name,
                ToDecide(
                    f"the daemon's configuration defines it, not git: hooks: {{{name}: {{command: [{command}]}}}}. "
                    "It is given JSON on standard input now, not arguments; and is told of deletions too."
                ),
            )
    return found


def _not_carried_over(conf: Conf) -> Iterator[str]:
    if _is(conf.get("radius", {}), "use_radius"):
        yield "[radius]: people log in with bearer tokens (see docs/operating.md), not over RADIUS"
    if _is(conf.get("megacli", {}), "megacli_auto_clear") or _is(conf.get("megacli", {}), "megacli_auto_apply"):
        yield "[megacli] automatic clearing and building of RAID volumes"
    if conf.get("live_image", {}).get("image_builder_hosts"):
        yield "[live_image] image_builder_hosts: the live image is still built by OCI's own tools"
    if _is(conf.get("ipmi", {}), "automatic_ipmi_numbering"):
        yield "[ipmi] automatic numbering: say bmc: {manage: true} in the Fleet, and check its bmc.networks"
    if _is(conf.get("hpe", {}), "hpe_ilo_install_license"):
        yield "[hpe] installation of iLO licences"


def _differing(defaults: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in given.items() if value not in (None, "") and value != getattr(defaults, name)
    }


def _is(values: Mapping[str, str], key: str) -> bool:
    return values.get(key, "").lower() in ("yes", "true", "1")


def _unquoted(value: str) -> str:
    value = value.strip()
    return value[1:-1] if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'" else value
