"""That programs of Debian 13 say it of a file that they would not start with."""

import pytest

from .accepted import CHECKS, refusals
from .catalogs import Catalog, Resource
from .debian_programs import Programs

pytestmark = pytest.mark.puppet

TAKEN = {
    "/etc/haproxy/haproxy.cfg": "global\n  user  haproxy\nlisten a\n  timeout  client 1m\n  bind 192.0.2.1:80\n",
    "/etc/mysql/my.cnf": "[mysqld]\nuser = mysql\nbinlog_format = ROW\n",
    "/etc/bind/named.conf": 'options { directory "/var/cache/bind"; dnssec-validation no; };\n',
    "/etc/ssh/sshd_config": "Port 22\nUsePAM yes\n",
}
REFUSED = {
    "/etc/haproxy/haproxy.cfg": ("  timeout  client", "  reqadd  client"),  # was removed in HAProxy 2.1
    "/etc/mysql/my.cnf": ("ROW", "SQUARE"),
    "/etc/bind/named.conf": ("dnssec-validation", "dnssec-enable"),  # was removed in BIND 9.18
    "/etc/ssh/sshd_config": ("UsePAM", "UseLogin yes\nPAM"),
}


def given(path: str, text: str) -> Catalog:
    return Catalog((Resource("File", path, {"content": text}),))


@pytest.mark.parametrize("path", CHECKS)
def test_a_program_takes_one_text_and_refuses_another(programs: Programs, path: str) -> None:
    assert refusals(given(path, TAKEN[path]), programs) == []
    (said,) = refusals(given(path, TAKEN[path].replace(*REFUSED[path])), programs)
    assert said.startswith(f"{path}: status ")
