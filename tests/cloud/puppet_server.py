"""Debian's own Puppet server in a container, with the daemon's answers for its classes: ``node_terminus = exec``."""

import contextlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ..lab.lab import run
from . import nspawn, overlay
from .places import NAMESPACE, SERVER

HOSTNAME = "puppet.example.com"

_CONFIG = f"""\
[main]
server = {HOSTNAME}
certname = {HOSTNAME}
dns_alt_names = puppet,{HOSTNAME}
[server]
vardir = /var/lib/puppetserver
node_terminus = exec
external_nodes = /usr/local/sbin/enc
autosign = true
storeconfigs = false
"""

_ENC = f"""\
#!/bin/sh
exec curl --silent --fail "http://{SERVER}/v1/enc/$1"
"""

_HOSTS = f"127.0.0.1 localhost\n{SERVER} {HOSTNAME} puppet\n"

_JAVA = "-Xms512m -Xmx1200m -XX:TieredStopAtLevel=1"
"""Debian's heap of 1 GB leaves nothing for compiling; with its first compiler alone the server starts sooner."""


@contextlib.contextmanager
def running(folder: Path, root: Path) -> Iterator[None]:
    """A container that shares the daemon's network, until the block ends; what it writes is gone then.

    Args:
        folder: Of its files and its log.
        root: With Debian's puppetserver and modules, read only.
    """
    point = overlay.lay(root, folder)
    try:
        _configure(point)
        started = nspawn.start(point, NAMESPACE, folder / "console.log")
        try:
            yield
        finally:
            nspawn.cut(started)
    finally:
        run("umount", str(point))


def answers() -> bool:
    """Whether it takes requests."""
    asked = ["curl", "--silent", "--insecure", "--max-time", "5", f"https://{SERVER}:8140/status/v1/simple"]
    return subprocess.run(asked, capture_output=True, text=True, check=False).stdout == "running"


def _configure(root: Path) -> None:
    _write(root / "etc/puppet/puppet.conf", _CONFIG)
    _write(root / "usr/local/sbin/enc", _ENC, 0o755)
    _write(root / "etc/hostname", f"{HOSTNAME}\n")
    _write(root / "etc/hosts", _HOSTS)
    (root / "etc/puppet/code/environments/production/manifests").mkdir(parents=True, exist_ok=True)
    run("systemctl", "--quiet", f"--root={root}", "enable", "puppetserver.service")
    defaults = root / "etc/default/puppetserver"
    defaults.write_text(re.sub(r"-Xms\S+ -Xmx\S+", _JAVA, defaults.read_text()))
    _give_rexml(root)


def _give_rexml(root: Path) -> None:
    """Debian's puppetserver (JRuby) lacks rexml, which the corosync module's providers need: it gets C Ruby's."""
    (rexml,) = root.glob("usr/lib/ruby/gems/*/gems/rexml-*/lib")
    config = root / "etc/puppet/puppetserver/conf.d/puppetserver.conf"
    had = "ruby-load-path: [/usr/lib/puppetserver/ruby/vendor_ruby"
    text = config.read_text()
    if had not in text:
        raise LookupError(f"{config} does not say {had!r}")
    config.write_text(text.replace(had, f"{had}, /{rexml.relative_to(root)}"))


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
