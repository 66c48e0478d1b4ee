"""The look at a node's services: a POSIX shell script that is sent as one command, and how its answer is read.

It asks every service itself, changes nothing, and writes no file. Each question is bounded in time, each answer in
length. A service that does not answer is said not to: the value is what it said instead. It runs with what every such
node has: a shell, coreutils, sed, awk, ss, systemctl, curl, and the clients of the services that are there.
"""

import json
import shlex
from collections.abc import Collection
from datetime import datetime

from ..model.gates import ABSENT, GATES, SIZE_OF, GateName, Reading, Readings
from ..model.rings import RingFile
from ..model.roles import as_now, gates_if_there, gates_of
from .commands import ADMINISTRATOR_FILE, ROOT_HOME

CLASSES_FILES = tuple(
    f"{folder}/classes.txt"
    for folder in ("/var/cache/puppet/state", "/var/lib/puppet/state", "/opt/puppetlabs/puppet/cache/state")
)
"""Where Puppet writes which classes it applied (``classfile``): in Debian, in its past, in Puppet's own packages."""

READ_CLASSES = f"cat {' '.join(CLASSES_FILES)} 2>/dev/null | grep '^oci::[a-z_]*$' | sort -u | head -n 50"
"""The classes of ``oci`` that Puppet last applied, one a line; none where that is not known. Answer: ``classes_in``."""

SERVICES = (
    "aodh", "apache2", "barbican", "bind9", "ceilometer", "ceph", "cinder", "cloudkitty", "corosync", "designate",
    "etcd", "frr", "glance", "gnocchi", "haproxy", "heat", "horizon", "ironic", "keystone", "libvirt", "magnum",
    "manila",
    "mariadb", "memcached", "mysql", "named", "neutron", "nova", "octavia", "openvswitch", "ovs", "pacemaker",
    "placement", "rabbitmq", "radosgw", "redis", "rsync", "srv-node", "swift", "uwsgi", "virt", "xinetd",
)  # fmt: skip
"""How the names of units begin whose failure is one of the node's service."""

MOST_SECONDS = 240
"""After which the whole look is ended. The slowest part is two dozen OSDs, of a second each."""

_SETTLED_SECONDS = 10

_SCRIPT = r"""
set -u
LC_ALL=C
HOME=@home@
export LC_ALL HOME

within() {
    timeout 20 "$@" 2>&1
}

# say GATE VALUE: one line of JSON.
say() {
    value=$(printf '%s' "$2" | tr '\n\t\r' '   ' | tr -cd '[:print:]' | cut -c 1-200 | sed 's/ *$//; s/[\\"]/\\&/g')
    printf '{"gate": "%s", "value": "%s"}\n' "$1" "${value:-no answer}"
}

# listed WORD...: the words with commas between them.
listed() {
    list=
    for word; do
        list=${list:+$list, }$word
    done
    printf '%s' "$list"
}

# is_absent UNIT: only where systemd says so. What cannot be known is asked all the same, and closed.
is_absent() {
    [ "$(within systemctl show --property=LoadState "$1.service")" = LoadState=not-found ]
}

# property NAME: of what systemctl showed.
property() {
    printf '%s\n' "$shown" | sed -n "s/^$1=//p"
}

# state_of UNIT: active, once it has been so for a while.
state_of() {
    shown=$(within systemctl show --property=LoadState,ActiveState,ActiveEnterTimestampMonotonic "$1.service")
    [ "$(property LoadState)" != not-found ] || { echo "not installed"; return; }
    [ "$(property ActiveState)" = active ] || { property ActiveState | grep . || echo unknown; return; }
    entered=$(property ActiveEnterTimestampMonotonic | grep -x '[0-9][0-9]*' || echo 0)
    age=$(($(cut -d . -f 1 /proc/uptime) - entered / 1000000))
    if [ "$age" -ge 0 ] && [ "$age" -lt @settled@ ]; then
        echo starting
    else
        echo active
    fi
}

units() {
    bad=
    for unit; do
        how=$(state_of "$unit")
        [ "$how" = active ] || bad="${bad:+$bad, }$unit is $how"
    done
    say units "${bad:-all active}"
}

failed_units() {
    if found=$(within systemctl list-units --failed --plain --no-legend --no-pager); then
        # shellcheck disable=SC2046  # a word each
        found=$(listed $(printf '%s\n' "$found" | awk '$1 ~ /^(@services@)/ { print $1 }'))
        say failed-units "${found:-none}"
    else
        say failed-units "systemctl does not answer: $found"
    fi
}

ports() {
    open=$(within ss -ltnH | awk '{ sub(/.*:/, "", $4); print $4 }')
    silent=
    for port; do
        printf '%s\n' "$open" | grep -qx "$port" || silent="${silent:+$silent, }$port"
    done
    if [ -n "$silent" ]; then
        say ports "nothing listens on $silent"
    else
        say ports "all listen"
    fi
}

galera() {
    if is_absent mariadb; then
        say galera "@absent@"
        say galera-size "@absent@"
        return
    fi
    client=$(command -v mariadb || command -v mysql)
    said=$(within "$client" --batch --skip-column-names --execute "SHOW GLOBAL STATUS WHERE Variable_name IN
        ('wsrep_local_state_comment', 'wsrep_cluster_status', 'wsrep_cluster_size', 'wsrep_ready')")
    status=$?
    if [ "$status" -ne 0 ]; then
        say galera "no answer: $said"
        say galera-size "no answer"
        return
    fi
    state=$(wsrep local_state_comment)
    if [ "$(wsrep ready):$(wsrep cluster_status)" = ON:Primary ]; then
        say galera "$state"
    else
        say galera "${state:-no state}, ready: $(wsrep ready), cluster: $(wsrep cluster_status)"
    fi
    say galera-size "$(wsrep cluster_size)"
}

# wsrep NAME: of what MariaDB said.
wsrep() {
    printf '%s\n' "$said" | awk -F '\t' -v name="wsrep_$1" '$1 == name { print $2 }'
}

rabbitmq() {
    if is_absent rabbitmq-server; then
        say rabbitmq "@absent@"
        say rabbitmq-size "@absent@"
        return
    fi
    answer=$(within rabbitmqctl --quiet --formatter json cluster_status)
    status=$?
    said=$(printf '%s' "$answer" | tr -d ' \n')
    running=$(printf '%s' "$said" | sed -n 's/.*"running_nodes":\[\([^]]*\)\].*/\1/p')
    if [ "$status" -ne 0 ] || [ -z "$running" ]; then
        say rabbitmq "no answer: $answer"
        say rabbitmq-size "no answer"
        return
    fi
    alarms=$(printf '%s' "$said" | grep -o '{[^{}]*"resource":"[^{}]*}' |
        sed 's/.*"node":"\([^"]*\)".*/& on \1/; s/.*"resource":"\([^"]*\)"[^}]*}/\1/')
    case $alarms:$said in
        [!:]*) say rabbitmq "alarm: $alarms" ;;
        *'"partitions":{}'* | *'"partitions":[]'*) say rabbitmq "no partition" ;;
        *) say rabbitmq "partitions: $(printf '%s' "$said" | sed -n 's/.*"partitions":\(.*\)/\1/p')" ;;
    esac
    say rabbitmq-size "$(printf '%s\n' "$running" | awk -F , '{ print NF }')"
}

# quoted TEXT: as a string of JSON.
quoted() {
    printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"
}

# keystone: asks for a token. In a subshell, as it reads the administrator's environment; the token is never printed.
keystone() (
    if [ ! -r @administrator@ ]; then
        say keystone "no credentials in @administrator@"
        say catalog "not known"
        exit
    fi
    unset OS_CACERT
    # shellcheck disable=SC1091  # it is on the node
    . @administrator@
    domain=${OS_USER_DOMAIN_NAME:-default}
    user="{\"name\": $(quoted "$OS_USERNAME"), \"domain\": {\"name\": $(quoted "$domain")},
        \"password\": $(quoted "$OS_PASSWORD")}"
    project="{\"name\": $(quoted "$OS_PROJECT_NAME"), \"domain\": {\"name\": $(quoted "$domain")}}"
    identity="{\"methods\": [\"password\"], \"password\": {\"user\": $user}}"
    said=$(printf '{"auth": {"identity": %s, "scope": {"project": %s}}}' "$identity" "$project" |
        within curl --silent --show-error --include --noproxy '*' --max-time 15 --header 'Expect:' \
            --header 'Content-Type: application/json' --data @- ${OS_CACERT:+--cacert "$OS_CACERT"} \
            "${OS_AUTH_URL%/}/auth/tokens")
    status=$?
    first=$(printf '%s\n' "$said" | head -n 1)
    if [ "$status" -ne 0 ]; then
        say keystone "no answer: $first"
        say catalog "not known"
    elif ! printf '%s\n' "$said" | grep -qi '^x-subject-token: *[^ ]'; then
        say keystone "no token: $first"
        say catalog "not known"
    else
        say keystone token
        say catalog "$(printf '%s' "$said" | tr -d ' \r\n' | grep -o '"endpoints":\[{' | grep -c .)"
    fi
)

# told SOCKET QUESTION STATE...: whether a daemon of Ceph's says that its state is one of these; else what it says.
told() {
    said=$(within ceph --admin-daemon "$1" "$2")
    state=$(printf '%s' "$said" | tr -d ' \n' | sed -n 's/.*"state":"\([a-z_]*\)".*/\1/p')
    shift 2
    for good; do
        [ "$state" != "$good" ] || return 0
    done
    said=${state:-no answer: $said}
    return 1
}

# socket_of KIND NAME: of a daemon of Ceph's, wherever it was deployed by.
socket_of() {
    for socket in /var/run/ceph/ceph-"$1"."$2".asok /var/run/ceph/*/ceph-"$1"."$2".asok; do
        [ ! -S "$socket" ] || printf '%s\n' "$socket"
    done | head -n 1
}

# starts KIND NAME: whether systemd starts this daemon of Ceph's, or what brings it up, with the node.
starts() {
    for link in /etc/systemd/system/*.wants/ceph-"$1@$2".service \
        /etc/systemd/system/*.wants/ceph-volume@lvm-"$2"-*.service \
        /etc/systemd/system/*.wants/ceph-volume@simple-"$2"-*.service; do
        [ ! -e "$link" ] && [ ! -L "$link" ] || return 0
    done
    return 1
}

# kept KIND: names of Ceph's daemons of a kind that have a folder. An empty one stays behind where one was removed, and
# also where its disk died and it is still to run.
kept() {
    for folder in /var/lib/ceph/"$1"/*/ /var/lib/ceph/*/"$1".*/; do
        [ -d "$folder" ] || continue
        name=${folder%/}
        name=${name##*/}
        name=${name#*[-.]}
        [ -z "$(ls -A "$folder")" ] && ! starts "$1" "$name" || printf '%s\n' "$name"
    done
}

ceph_mon() {
    name=$(kept mon | head -n 1)
    if [ -z "$name" ]; then
        say ceph-mon "@absent@"
        return
    fi
    socket=$(socket_of mon "$name")
    if [ -z "$socket" ]; then
        say ceph-mon "it does not run"
    elif told "$socket" mon_status leader peon; then
        say ceph-mon "in quorum"
    else
        say ceph-mon "$said"
    fi
}

ceph_osds() {
    osds=$(kept osd)
    if [ -z "$osds" ]; then
        say ceph-osds "@absent@"
        return
    fi
    count=0
    down=
    for osd in $osds; do
        count=$((count + 1))
        socket=$(socket_of osd "$osd")
        [ -n "$socket" ] && told "$socket" status active || down="$down $osd"
    done
    if [ -z "$down" ]; then
        say ceph-osds "all active"
    else
        # shellcheck disable=SC2086  # a word each
        set -- $down
        say ceph-osds "$((count - $#)) of $count active, not: $(listed "$@")"
    fi
}

# configured FILE NAME: a setting of Swift's; the last one counts.
configured() {
    sed -n "s/^$2 *= *//p" "$1" | tail -n 1
}

# healthy ADDRESS PORT: whether a server of Swift's answers there.
healthy() {
    address=$1
    case $address in
        '' | 0.0.0.0 | ::) address=127.0.0.1 ;;
        *:*) address="[$address]" ;;
    esac
    said=$(within curl --silent --show-error --noproxy '*' --max-time 10 "http://$address:$2/healthcheck")
    [ "$said" = OK ]
}

# ports_of FILE: those that a server of Swift's listens on. With servers_per_port they are those of its disks.
ports_of() {
    case $(configured "$1" servers_per_port) in
        '' | 0) configured "$1" bind_port ;;
        *) within ss -ltnH | awk '{ sub(/.*:/, "", $4); print $4 }' | grep -x '62[0-9][0-9]' | grep -vx '620[12]' ;;
    esac
}

swift_servers() {
    bad=
    found=0
    for server in account container object; do
        file=/etc/swift/$server-server.conf
        [ -e "$file" ] || continue
        found=1
        ports=$(ports_of "$file" | sort -u)
        for port in ${ports:-none}; do
            healthy "$(configured "$file" bind_ip)" "$port" || bad="${bad:+$bad; }$server on $port: $said"
        done
    done
    if [ "$found" -eq 0 ]; then
        say swift-servers "@absent@"
    else
        say swift-servers "${bad:-all answer}"
    fi
}

# swift_rings RING=MD5...: that the node has these rings. Of rings that nobody knows, that the three are there.
swift_rings() {
    [ "$#" -gt 0 ] || set -- account container object
    bad=
    for wanted; do
        ring=${wanted%%=*}
        file=/etc/swift/$ring.ring.gz
        if [ ! -s "$file" ]; then
            bad="${bad:+$bad, }no $ring ring"
        elif [ "$ring" != "$wanted" ]; then
            md5=$(within md5sum "$file" | cut -c 1-32)
            in_force=${wanted#*=}
            [ "$md5" = "$in_force" ] ||
                bad="${bad:+$bad, }$ring is $(printf '%.8s' "$md5"), and $(printf '%.8s' "$in_force") is in force"
        fi
    done
    say swift-rings "${bad:-@rings@}"
}

swift_proxy() {
    file=/etc/swift/proxy-server.conf
    if [ ! -e "$file" ]; then
        say swift-proxy "not configured"
        return
    fi
    healthy "$(configured "$file" bind_ip)" "$(configured "$file" bind_port)"
    say swift-proxy "$said"
}

# Each word is a gate, with what it is about behind a colon: units:nova-compute,openvswitch-switch.
for word; do
    about=$(printf '%s' "${word#*:}" | tr ',' ' ')
    # shellcheck disable=SC2086  # a word each
    case $word in
        units:*) units $about ;;
        ports:*) ports $about ;;
        failed-units) failed_units ;;
        galera) galera ;;
        rabbitmq) rabbitmq ;;
        keystone) keystone ;;
        ceph-mon) ceph_mon ;;
        ceph-osds) ceph_osds ;;
        swift-servers) swift_servers ;;
        swift-rings) swift_rings ;;
        swift-rings:*) swift_rings $about ;;
        swift-proxy) swift_proxy ;;
    esac
done
"""

SCRIPT = (
    _SCRIPT.lstrip()
    .replace("@settled@", str(_SETTLED_SECONDS))
    .replace("@services@", "|".join(SERVICES))
    .replace("@absent@", ABSENT)
    .replace("@rings@", str(GATES[GateName.SWIFT_RINGS].opens_at))
    .replace("@administrator@", ADMINISTRATOR_FILE)
    .replace("@home@", ROOT_HOME)
)
"""Prints a gate and its value a line, as JSON."""

READ_WITH = {**SIZE_OF, GateName.CATALOG: GateName.KEYSTONE}
"""Gates that are read with another one."""

_BEGINS = f"exec timeout {MOST_SECONDS} /bin/sh -c {shlex.quote(SCRIPT)} look "


def look_command(role: str, classes: Collection[str], rings: Collection[RingFile] = ()) -> str:
    """What is run on a node of this role.

    Args:
        role: The node's.
        classes: That Puppet applied to it.
        rings: Swift's in force for its cluster; none: nobody knows them.
    """
    facts = as_now(role, classes)
    units = ",".join(dict.fromkeys(unit for each in facts for unit in each.units))
    ports = ",".join(dict.fromkeys(str(port) for each in facts for port in each.ports))
    about = {GateName.UNITS: f"units:{units}", GateName.PORTS: f"ports:{ports}"}
    if rings:
        about[GateName.SWIFT_RINGS] = f"swift-rings:{','.join(f'{ring}={md5}' for ring, md5 in rings)}"
    asked = (*gates_of(role, classes), *gates_if_there(role, classes))
    words = dict.fromkeys(about.get(gate, READ_WITH.get(gate, gate)) for gate in asked if gate is not GateName.LOGIN)
    return _BEGINS + shlex.join(words)


def words_of_look(command: str) -> list[str] | None:
    """The gates that a command of ``look_command`` asks for; None for any other command."""
    return shlex.split(command.removeprefix(_BEGINS)) if command.startswith(_BEGINS) else None


def classes_in(text: str) -> tuple[str, ...]:
    """What ``READ_CLASSES`` printed."""
    return tuple(dict.fromkeys(line for line in text.split() if line.startswith("oci::")))


def parse_look(text: str, classes: tuple[str, ...], at: datetime) -> Readings:
    """What the script printed, by somebody who is logged in.

    Raises:
        ValueError: It is not that.
    """
    try:
        said = [json.loads(line) for line in text.splitlines()]
        found = {GateName(each["gate"]): str(each["value"]) for each in said}
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"what was read of its services makes no sense: {text[:200]!r}") from error
    values = {GateName.LOGIN: "yes", **found}
    return Readings(at, tuple(Reading(name, value, at) for name, value in values.items()), classes)
