"""The services of a simulated node, as the programs that ask them answer on a real one.

The very script that looks at services runs here, with its folders below the server's own. It finds stand-ins for
``systemctl``, ``ss``, ``curl`` and the clients of MariaDB and RabbitMQ. How many members a cluster has, they count
among the servers beside this one.
"""

import os
from pathlib import Path

from ..model.roles import facts_of
from ..provisioning.commands import ADMINISTRATOR_FILE, ROOT_HOME
from .children import run_to_end

_MOVED = (
    ADMINISTRATOR_FILE, "/etc/swift/", "/var/lib/ceph", "/var/run/ceph", "/var/cache/puppet", "/var/lib/puppet"
)  # fmt: skip
"""Files and folders that the look reads."""

_HEAD = """\
#!/bin/sh
services="{root}/services"
last=
for word; do last=$word; done
is_broken() {{ grep -qx "$1" "$services/broken" 2> /dev/null; }}
is_up() {{ [ -e "$services/up" ] && ! is_broken "$1"; }}
# peers: how many nodes of this one's role have their services up.
peers() {{
    count=0
    for other in "{root}"/../*/services; do
        ! [ -e "$other/up" ] || ! cmp -s "$other/role" "$services/role" || count=$((count + 1))
    done
    echo "$count"
}}
"""

_PROGRAMS = {
    "systemctl": """\
case "$*" in
    "list-units --failed"*)
        [ ! -e "$services/broken" ] || grep -xFf "$services/units" "$services/broken" |
            sed 's/.*/&.service loaded failed failed &/'
        exit 0
        ;;
esac
unit=${{last%.service}}
if ! grep -qx "$unit" "$services/units" 2> /dev/null; then
    echo LoadState=not-found
    [ "$2" = --property=LoadState ] || echo ActiveState=inactive
    exit
fi
echo LoadState=loaded
[ "$2" != --property=LoadState ] || exit 0
state=inactive
if is_broken "$unit"; then
    state=failed
elif is_up "$unit"; then
    state=active
fi
printf 'ActiveState=%s\\nActiveEnterTimestampMonotonic=0\\n' "$state"
""",
    "ss": """\
is_up ports || exit 0
while read -r port; do
    echo "LISTEN 0 4096 0.0.0.0:$port 0.0.0.0:*"
done < "$services/ports"
""",
    "mariadb": """\
if ! is_up mariadb; then
    echo "ERROR 2002 (HY000): Can't connect to local server through socket '/run/mysqld/mysqld.sock' (2)" >&2
    exit 1
fi
printf 'wsrep_local_state_comment\\tSynced\\nwsrep_cluster_size\\t%s\\n' "$(peers)"
printf 'wsrep_cluster_status\\tPrimary\\nwsrep_ready\\tON\\n'
""",
    "rabbitmqctl": """\
is_up rabbitmq-server || {{ echo "Error: unable to perform an operation on node 'rabbit@here'" >&2; exit 69; }}
nodes=$(seq -f '"rabbit@node-%g"' -s , 1 "$(peers)")
printf '{{"alarms":[],"partitions":{{}},"ram_nodes":[],"running_nodes":[%s],"versions":{{}}}}\\n' "$nodes"
""",
    "curl": """\
case $last in
    */auth/tokens)
        cat > /dev/null
        if is_up keystone; then
            printf 'HTTP/1.1 201 CREATED\\r\\nX-Subject-Token: gAAAAAB\\r\\n\\r\\n'
            echo '{{"token": {{"catalog": [{{"endpoints": [{{"id": "1"}}], "type": "identity"}}]}}}}'
        else
            printf 'HTTP/1.1 503 Service Unavailable\\r\\n\\r\\n'
        fi
        ;;
    */healthcheck)
        is_up swift || {{ echo "curl: (7) Failed to connect to ${{last#http://}}" >&2; exit 7; }}
        printf OK
        ;;
esac
""",
}


class Services:
    """What Puppet made on one server, and whether it is up."""

    def __init__(self, root: Path) -> None:
        """Nothing is there yet. ``root``: the server's folder."""
        self._root = root
        self._folder, self._bin = root / "services", root / "node-bin"
        for folder in (self._folder, self._bin):
            folder.mkdir(parents=True, exist_ok=True)
        for name, text in _PROGRAMS.items():
            program = self._bin / name
            program.write_text((_HEAD + text).format(root=root))
            program.chmod(0o755)

    def configure(self, role: str, cluster: str = "") -> None:
        """Puppet has succeeded on a node of this role."""
        facts, disk = facts_of(role), self._root / "disk"
        units = [*facts.units, "mariadb", "rabbitmq-server"] if facts.leads else facts.units
        (self._folder / "role").write_text(f"{role}\n")
        (self._folder / "units").write_text("".join(f"{unit}\n" for unit in units))
        (self._folder / "ports").write_text("".join(f"{port}\n" for port in facts.ports))
        if facts.leads:
            (disk / ROOT_HOME.lstrip("/")).mkdir(exist_ok=True)
            (disk / ADMINISTRATOR_FILE.lstrip("/")).write_text(
                "export OS_USERNAME='admin' OS_PASSWORD='s' OS_PROJECT_NAME='admin'\n"
                "export OS_AUTH_URL='https://api.example.com/identity/v3'\n"
            )
        if facts.object_store == "swift":
            self._configure_swift(disk / "etc/swift", stores=facts.stores_data)

    @staticmethod
    def _configure_swift(folder: Path, *, stores: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        servers = {"account": 6202, "container": 6201, "object": 6200} if stores else {"proxy": 8080}
        for server, port in servers.items():
            (folder / f"{server}-server.conf").write_text(f"[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = {port}\n")
        for ring in ("account", "container", "object"):
            if not (folder / f"{ring}.ring.gz").exists():
                (folder / f"{ring}.ring.gz").write_text("a ring\n")

    def start(self) -> None:
        """They are up, all but those that are broken."""
        (self._folder / "up").touch()

    def stop(self) -> None:
        """They are down, with the system."""
        (self._folder / "up").unlink(missing_ok=True)

    def break_down(self, *names: str) -> None:
        """From now on these do not answer: units, which have failed by systemd, ``keystone``, ``swift``, ``ports``."""
        (self._folder / "broken").write_text("".join(f"{name}\n" for name in names))

    def mend(self) -> None:
        """None is broken any more."""
        (self._folder / "broken").unlink(missing_ok=True)

    async def run(self, command: str) -> tuple[int, str]:
        """Run what is run on a node, with the folders of its system below the server's own; status and output."""
        for path in _MOVED:
            command = command.replace(path, f"{self._root}/disk{path}")
        env = os.environ | {"PATH": f"{self._bin}:{os.environ['PATH']}"}
        status, printed, _ = await run_to_end("/bin/sh", "-c", command, env=env)
        return status, printed
