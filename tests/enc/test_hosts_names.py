"""Which names besides those of nodes stand in the hosts files."""

import base64

from reconciler.enc.params import LongText

from .openstack import compiled, openstack

SNI = "{{haproxy_use_sni: true, horizon_sni_name: console, vigie_sni_name: operator, keystone_sni_name: id{}}}"


def names(more: str) -> list[str]:
    given = openstack({"controller": 1, "sql": 1}, settings=SNI.format(more))
    text = compiled(given).classes["oci::generic"]["etc_hosts"].value
    assert isinstance(text, LongText)
    return [name for line in base64.b64decode(str(text)).decode().splitlines() for name in line.split()[1:]]


def test_hosts_files_hold_every_name_or_those_that_oci_has() -> None:
    every, ocis = names(""), names(", complete_hosts_files: false")
    assert {"console.os-api.example.com", "operator.os-api.example.com", "os-sql.example.com"} == set(every) - set(ocis)
    assert {"id.os-api.example.com", "os-api.example.com"} <= set(ocis)
