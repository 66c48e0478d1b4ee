"""Programs of Debian 13, unpacked below the user's cache with the libraries that they are linked with.

Whatever release this machine runs, they say what that release takes. 37 MB once, and 140 MB
unpacked; no root, and nothing is installed.
"""

import hashlib
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..debian import Apt, once
from .puppet_modules import RELEASE

PACKAGES = (
    "apache2", "apache2-bin", "bind9-utils", "chrony", "corosync", "haproxy", "libapache2-mod-wsgi-py3", "logrotate",
    "mariadb-server-core", "memcached", "openssh-server",
    "bind9-libs", "libacl1", "libaio1t64", "libapr1t64", "libaprutil1t64", "libaudit1", "libbpf1", "libbrotli1",
    "libbsd0", "libc6", "libcap-ng0", "libcap2", "libcfg7", "libcmap4", "libcom-err2", "libcorosync-common4",
    "libcpg4", "libcrypt1", "libcurl4t64", "libedit2", "libevent-2.1-7t64", "libexpat1",
    "libffi8", "libfstrm0", "libgcc-s1", "libgmp10", "libgnutls30t64", "libgssapi-krb5-2", "libhogweed6t64",
    "libidn2-0", "libjansson4", "libjemalloc2", "libjson-c5", "libk5crypto3", "libkeyutils1", "libknet1t64",
    "libkrb5-3", "libkrb5support0", "libldap2", "liblmdb0", "liblua5.4-0", "liblz4-1", "liblzma5",
    "libmaxminddb0", "libmd0", "libnettle8t64", "libnghttp2-14", "libnl-3-200", "libnl-route-3-200",
    "libnozzle1t64", "libnuma1", "libopentracing-c-wrapper0t64", "libopentracing1", "libp11-kit0", "libpam0g",
    "libpcre2-8-0", "libpopt0", "libprotobuf-c1", "libpython3.13", "libqb100", "libquorum5", "libsasl2-2",
    "libseccomp2", "libselinux1", "libsqlite3-0", "libssl3t64", "libstatgrab10t64", "libstdc++6", "libsystemd0",
    "libtasn1-6", "libtinfo6", "libunistring5", "liburcu8t64", "liburing2", "libuuid1", "libuv1t64",
    "libvotequorum8", "libwrap0", "libwtmpdb0", "libxml2", "libzstd1", "zlib1g",
)  # fmt: skip
"""Libraries by name: APT would bring all that packages depend on, and take half a minute to work it out."""


class Programs:
    """The programs, unpacked below a folder: their configuration too, as the packages bring it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        """What the program says, errors among it."""
        command = self.command(name, *arguments)
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)

    def command(self, name: str | Path, *arguments: object) -> list[str]:
        """The words that start the program, named or as a file, with its own loader and libraries."""
        (loader,) = self.root.glob("usr/lib*/ld-linux-*.so.*")
        (libraries,) = self.root.glob("usr/lib/*-linux-gnu*")
        places = (self.root / "usr/sbin" / name, self.root / "usr/bin" / name)  # of which a file is the second part
        program = next(path for path in places if path.exists())
        return [str(word) for word in (loader, "--library-path", libraries, program, *arguments)]


def debian_programs() -> Programs:
    """The programs of Debian 13, unpacked by the first process that asks.

    Raises:
        LookupError: They cannot be fetched.
    """
    recipe = hashlib.sha256(" ".join(PACKAGES).encode()).hexdigest()[:12]
    return Programs(once(f"programs-{RELEASE}-{recipe}", lambda folder: unpack(PACKAGES, folder)) / "root")


def unpack(packages: Iterable[str], folder: Path) -> None:
    """Have Debian 13's packages, unpacked over each other, in the folder's ``root``.

    Raises:
        LookupError: They cannot be fetched.
    """
    apt = Apt(folder, RELEASE)
    apt.get("update")
    for package in apt.download(f"{name}/{RELEASE}" for name in packages):
        subprocess.run(["dpkg", "--extract", package, folder / "root"], check=True)
        package.unlink()
    shutil.rmtree(folder / "lists")


@contextmanager
def skipped_without_a_mirror(what: str) -> Iterator[None]:
    """Within it, the test is skipped where APT or its mirror is not there; ``what`` says what is needed."""
    if missing := [name for name in ("apt-get", "dpkg") if shutil.which(name) is None]:
        pytest.skip(f"needs {', '.join(missing)}")
    try:
        yield
    except LookupError as error:
        pytest.skip(f"needs {what} of Debian 13 from the mirror that APT uses: {error}")


def programs_or_skip() -> Programs:
    """The programs; skips the test where they cannot be had."""
    with skipped_without_a_mirror("programs"):
        return debian_programs()
