"""OpenStack's services of Debian 13, for what their code says of options; unpacked below the user's cache.

Their own code lists the options once (``oslo_options.py``), and Debian 13's oslo.config then reads a node's files with
these lists: no parser of ours, and no sample file, decides about a value. All that the services depend on would be more
than 600 packages; these are what their lists import. What Python modules they lack is in ``oslo_options.ABSENT``.
187 packages, 58 MB, once; unpacked 280 MB. No root, and nothing is installed.
"""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..debian import once
from .debian_programs import Programs, skipped_without_a_mirror, unpack
from .puppet_modules import RELEASE

_SCRIPT = Path(__file__).with_name("oslo_options.py")

SERVICES = (
    "aodh", "barbican", "ceilometer", "cinder", "cloudkitty", "designate", "glance", "gnocchi", "keystone", "neutron",
    "nova", "octavia", "openstack-heat", "openstack-placement",
)  # fmt: skip
"""Names of Python distributions. Their packages are below, where nobody says ``openstack-``."""

_LIBRARIES = (
    "python3.13-minimal", "libpython3.13-minimal", "libpython3.13-stdlib", "libbz2-1.0", "libc6", "libcrypt1",
    "libexpat1", "libffi8", "libgcc-s1", "liblzma5", "libsqlite3-0", "libssl3t64", "libstdc++6", "libuuid1", "libxml2",
    "libxslt1.1", "libzstd1", "zlib1g",
)  # fmt: skip
_MODULES = (
    "alembic", "amqp", "attr", "autopage", "barbicanclient", "bcrypt", "blinker", "cachetools", "castellan",
    "certifi", "cffi", "cffi-backend", "chardet", "charset-normalizer", "cinderclient", "click", "cliff",
    "cotyledon", "croniter", "cryptography", "cursive", "daiquiri", "dateutil", "debtcollector", "decorator",
    "dnspython", "dogpile.cache", "eventlet", "fasteners", "flask", "flask-restful", "futurist", "glance-store",
    "glanceclient", "gnocchiclient", "greenlet", "heatclient", "httplib2", "idna", "iso8601", "itsdangerous",
    "jaraco.classes", "jaraco.context", "jaraco.functools", "jaraco.text", "jinja2", "jmespath", "json-pointer",
    "jsonpatch", "jsonpath-rw", "jsonpath-rw-ext", "jsonschema", "jsonschema-specifications", "keystoneauth1",
    "keystoneclient", "keystonemiddleware", "kombu", "legacy-cgi", "lxml", "lz4", "mako", "markupsafe", "monotonic",
    "more-itertools", "msgpack", "netaddr", "networkx", "neutron-dynamic-routing", "neutron-lib", "neutronclient",
    "novaclient", "octavia-lib", "openssl", "openstacksdk", "openvswitch", "os-brick", "os-ken",
    "os-resource-classes", "os-service-types", "os-traits", "os-vif", "oslo.cache", "oslo.concurrency",
    "oslo.config", "oslo.context", "oslo.db", "oslo.i18n", "oslo.limit", "oslo.log", "oslo.messaging",
    "oslo.metrics", "oslo.middleware", "oslo.policy", "oslo.privsep", "oslo.reports", "oslo.rootwrap",
    "oslo.serialization", "oslo.service", "oslo.utils", "oslo.versionedobjects", "oslo.vmware", "osprofiler",
    "ovsdbapp", "packaging", "paramiko", "paste", "pastedeploy", "pbr", "pecan", "pkg-resources", "platformdirs",
    "ply", "prettytable", "prometheus-client", "psutil", "pycadf", "pycparser", "pyparsing", "pyroute2",
    "pythonjsonlogger", "pytimeparse", "pytz", "referencing", "repoze.lru", "requests", "requestsexceptions",
    "rfc3986", "routes", "rpds-py", "setproctitle", "setuptools", "simplegeneric", "simplejson", "six",
    "sqlalchemy", "stevedore", "swiftclient", "taskflow", "tenacity", "tooz", "typing-extensions", "tz",
    "uritemplate", "urllib3", "vine", "voluptuous", "wcwidth", "webob", "werkzeug", "wrapt", "wsme", "xmltodict",
    "yaml", "yappi", "yaql",
)  # fmt: skip
"""Packages, without their ``python3-``: what the lists of options import, and plugins."""

PACKAGES = (*_LIBRARIES, *(f"python3-{one.removeprefix('openstack-')}" for one in (*SERVICES, *_MODULES)))


class Services:
    """What knows each service's options: a process of Debian's Python, from the first question on."""

    def __init__(self, folder: Path, options: Path) -> None:
        self._folder, self._options = folder, options
        self._process: subprocess.Popen[str] | None = None

    def faults(self, question: Mapping[str, Any]) -> Sequence[Sequence[str]]:
        """What the service does not take of one file: section, name and what is wrong, for each such option.

        Args:
            question: As ``oslo_options.judge`` reads it.
        """
        if self._process is None:
            self._process = subprocess.Popen(
                _python(self._folder, "judge", self._options), env=_environment(self._folder),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(question), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        assert answer, f"Debian's Python ended with {self._process.wait()} when asked about {question['service']}"
        found: list[list[str]] = json.loads(answer)
        return found

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()  # it holds nothing that it would have to leave in order
            self._process.communicate()


def _python(folder: Path, *arguments: object) -> list[str]:
    return Programs(folder / "root").command("python3.13", "-P", "-S", "-W", "ignore", _SCRIPT, *arguments)


def _environment(folder: Path) -> dict[str, str]:
    """Of Debian's Python; its byte code, and what else is kept for the next start, stays in the folder."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    modules = folder / "root/usr/lib/python3/dist-packages"
    return own | {
        "PYTHONHOME": str(folder / "root/usr"), "PYTHONPATH": str(modules),
        "XDG_CACHE_HOME": str(folder / "kept"), "HOME": str(folder / "kept"),
    }  # fmt: skip


def _unpack(folder: Path) -> None:
    """Unpack the packages, without what is of no use to lists of options."""
    unpack(PACKAGES, folder)
    shutil.rmtree(folder / "root/usr/share")
    for tests in [*folder.glob("root/usr/lib/python3/dist-packages/**/tests")]:
        shutil.rmtree(tests, ignore_errors=True)  # one may be below another


def _list(folder: Path, options: Path) -> None:
    """Have each service list its options, into a file of its name."""
    for service in SERVICES:
        listed = subprocess.run(
            _python(folder, "list", service, options / service),
            env=_environment(folder), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert listed.returncode == 0, f"{service}: {listed.stderr}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@contextmanager
def services_or_skip() -> Iterator[Services]:
    """What knows the options; skips the test where it cannot be had."""
    name = f"services-{RELEASE}-{_digest(' '.join(PACKAGES))}"
    with skipped_without_a_mirror("OpenStack's packages"):
        folder = once(name, _unpack)
    options = once(f"{name}/options-{_digest(_SCRIPT.read_text())}", lambda options: _list(folder, options))
    services = Services(folder, options)
    yield services
    services.close()
