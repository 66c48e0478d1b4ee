"""``repos/<family>/<name>/`` as Repository documents."""

from collections.abc import Mapping
from typing import Any

from .conf import parse_conf
from .yaml_documents import SpecDocument

FAMILIES = ("debian", "osbpo", "vendors")
_LISTS = {
    "distributions": "supported_codename",
    "architectures": "supported_arch",
    "roles": "supported_role",
    "hardware_vendors": "target_hardware_vendor_value",
}
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_EXTRA = ("filename", "suites", "unsupported_codename", "target_package_list", "target_hardware_vendor_cmd_check")


def repository(
    family: str, name: str, files: Mapping[str, str], fleet_tokens: Mapping[str, str], taken: set[str]
) -> SpecDocument:
    """The document of one folder.

    Args:
        family: Which of ``FAMILIES``.
        name: The folder's name.
        files: ``repo.conf``, ``repo.sources``, ``repo.pref`` and ``key.asc``, those that exist.
        fleet_tokens: What the Fleet says already.
        taken: Names of documents of other families, which must be told apart.
    """
    conf = parse_conf(files.get("repo.conf", ""))
    common = dict(conf.pop("DEFAULT", {}))
    wanted = {key: common.pop(key, "no") == "yes" for key in ("install_repo_in_target", "install_repo_in_live")}
    lists = {ours: _list(ours, common.pop(theirs, "")) for ours, theirs in _LISTS.items()}
    extra = {key: common.pop(key) for key in _EXTRA if key in common}
    spec: dict[str, Any] = {
        "family": family,
        "name": name if name in taken else None,
        **lists,
        "install_in_target": None if wanted["install_repo_in_target"] else False,  # ours are, unless told otherwise
        "install_in_live": wanted["install_repo_in_live"],
        "tokens": {key: value for key, value in common.items() if not fleet_tokens.get(key)},
        "distribution_tokens": conf,
        "extra": extra,
        "sources": files.get("repo.sources"),
        "pinning": files.get("repo.pref"),
        "key": files.get("key.asc"),
    }
    spec = {key: value for key, value in spec.items() if value or (value is False and key == "install_in_target")}
    return SpecDocument("Repository", f"{family}-{name}" if name in taken else name, spec)


def _list(ours: str, text: str) -> list[str]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    return [_MACHINES.get(word, word) for word in words] if ours == "architectures" else words
