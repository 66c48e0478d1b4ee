"""Whether Debian 13's RabbitMQ starts with the configuration in a node's catalog, and which policies it takes.

It has no check mode: the real broker starts, on loopback and in a folder of its own, alone in its cluster, and ends as
soon as it has answered. 42 MB once, and 95 MB unpacked; no root, and nothing is installed.
"""

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from reconciler.simulator.demo import free_port

from ..debian import once
from .accepted import Below
from .catalogs import Catalog
from .debian_programs import Programs, skipped_without_a_mirror, unpack
from .puppet_modules import RELEASE

PACKAGES = (
    "rabbitmq-server", "erlang-asn1", "erlang-base", "erlang-crypto", "erlang-eldap", "erlang-inets", "erlang-mnesia",
    "erlang-os-mon", "erlang-parsetools", "erlang-public-key", "erlang-runtime-tools", "erlang-ssl",
    "erlang-syntax-tools", "erlang-tools", "erlang-xmerl",
    "libc6", "libgcc-s1", "libsctp1", "libssl3t64", "libstdc++6", "libsystemd0", "libcap2", "libtinfo6", "libzstd1",
    "zlib1g",
)  # fmt: skip

CONFIGURATION = "/etc/rabbitmq/rabbitmq.config"

_HELPERS = ("erts-*/bin/erl_child_setup", "erts-*/bin/inet_gethost", "lib/os_mon-*/priv/bin/*")
"""Programs that Erlang starts by itself."""

_LIMIT = 300
"""Seconds; it takes three on an idle machine."""

_QUESTIONS = """
Running = fun Wait() -> case rabbit:is_running() of true -> ok; false -> timer:sleep(100), Wait() end end,
Takes = fun(Policy) ->
  Definition = maps:to_list(rabbit_json:decode(list_to_binary(Policy))),
  rabbit_policy:set(<<"/">>, <<"asked">>, <<".*">>, Definition, 0, <<"queues">>, <<"tests">>)
end,
spawn(fun() ->
  Running(),
  [io:format("~nPOLICY ~s: ~0p~n", [One, catch Takes(One)]) || One <- POLICIES],
  io:format("~nRUNNING~n"),
  halt()
end).
"""


class Broker:
    """RabbitMQ and its Erlang, unpacked below a folder."""

    def __init__(self, root: Path) -> None:
        self._programs = Programs(root)
        (self._erlang,) = root.glob("usr/lib/erlang")
        (self._bin,) = root.glob("usr/lib/erlang/erts-*/bin")
        (self._home,) = root.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*")

    def refusals(self, catalog: Catalog) -> list[str]:
        """What the broker says that does not start with the catalog's file; it is not asked where there is none."""
        files = catalog.files()
        if CONFIGURATION not in files:
            return []
        with TemporaryDirectory() as folder:
            below = Below(Path(folder), self._programs)
            below.lay_out(catalog, files)
            plugins = [one.title for one in catalog.of_type("Rabbitmq_plugin")]
            said = self._started(below, plugins=plugins)
        return [] if "\nRUNNING\n" in said else [f"{CONFIGURATION}: {said}"]

    def takes(self, policy: str) -> bool:
        """Whether it takes a policy for queues, which is told in JSON."""
        with TemporaryDirectory() as folder:
            below = Below(Path(folder), self._programs)
            below.lay_out(Catalog(()), {CONFIGURATION: "[{rabbit, [{tcp_listeners, []}]}]."})
            said = self._started(below, [policy])
        assert "\nRUNNING\n" in said, said
        return f"\nPOLICY {policy}: ok\n" in said

    def _started(self, below: Below, policies: Sequence[str] = (), plugins: Sequence[str] = ()) -> str:
        """All that the broker says from its start until it has answered."""
        below.path("/enabled_plugins").write_text(f"[{','.join(plugins)}].")
        file = below.path(CONFIGURATION)
        file.write_text(_alone(file.read_text()))
        port, nodes = free_port(), free_port()
        mapper = subprocess.Popen(self._programs.command(self._bin / "epmd", "-port", port, "-address", "127.0.0.1"))
        try:
            return subprocess.run(
                [*self._erl(below), "-epmd_port", str(port), "-s", "rabbit", "boot", "-eval", _questions(policies)],
                env=self._environment(below, nodes), cwd=below.path("/"), stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=_LIMIT, check=False,
            ).stdout  # fmt: skip
        finally:
            mapper.kill()
            mapper.wait()

    def _erl(self, below: Below) -> list[str]:
        """As Debian's rabbitmq-server starts Erlang."""
        return self._programs.command(
            self._bin / "beam.smp", "--", "-root", self._erlang, "-bindir", self._bin, "-progname", "erl", "--",
            "-home", below.path("/"), "--", "-boot", "start_sasl", "-noshell", "-noinput", "-start_epmd", "false",
            "-kernel", "inet_dist_use_interface", "{127,0,0,1}", "-kernel", "inet_dist_listen_min", "1024",
            "-kernel", "inet_dist_listen_max", "65535", "-kernel", "prevent_overlapping_partitions", "false",
            "-syslog", "logger", "[]", "-syslog", "syslog_error_logger", "false",
        )  # fmt: skip

    def _environment(self, below: Below, port: int) -> dict[str, str]:
        """What Debian's rabbitmq-server sets; ``port``: where other nodes of the cluster would connect."""
        plugins = self._home / "plugins"
        own: dict[str, object] = {
            "ROOTDIR": self._erlang, "BINDIR": self._bin, "EMU": "beam", "PROGNAME": "erl", "HOME": below.path("/"),
            "ERL_LIBS": plugins, "RABBITMQ_HOME": self._home, "RABBITMQ_PLUGINS_DIR": plugins, "SYS_PREFIX": "",
            "RABBITMQ_NODENAME": "rabbit@localhost", "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_CONFIG_FILE": below.path(CONFIGURATION), "RABBITMQ_GENERATED_CONFIG_DIR": below.path("/made"),
            "RABBITMQ_MNESIA_BASE": below.path("/mnesia"), "RABBITMQ_LOG_BASE": below.path("/log"),
            "RABBITMQ_PID_FILE": below.path("/pid"), "RABBITMQ_ENABLED_PLUGINS_FILE": below.path("/enabled_plugins"),
            "RABBITMQ_LOGS": "-", "RABBITMQ_DIST_PORT": port,
        }  # fmt: skip
        return os.environ | {name: str(value) for name, value in own.items()}


def _alone(text: str) -> str:
    """The configuration of a node that is a cluster by itself, on loopback and on ports that are free."""
    if "tcp_listeners" not in text:  # or it listens to all at its usual port
        text = text.replace("{rabbit, [", "{rabbit, [{tcp_listeners, []},", 1)
    text = re.sub(r"'rabbit@[^']+'(, *'rabbit@[^']+')*", "'rabbit@localhost'", text)
    text = re.sub(r'\{ *"[0-9a-f.:]+" *, *\d+ *\}', '{"127.0.0.1", 0}', text)
    return re.sub(r"\{port, *\d+\}", "{port, 0}", re.sub(r'\{ip, *"[^"]+"\}', '{ip, "127.0.0.1"}', text))


def _questions(policies: Sequence[str]) -> str:
    """What Erlang does once the broker runs; JSON's text in quotes is one of Erlang's, too."""
    return _QUESTIONS.replace("POLICIES", f"[{', '.join(map(json.dumps, policies))}]")


def _unpack(folder: Path) -> None:
    """Unpack the packages; the programs that Erlang starts are started with Debian 13's loader, too."""
    unpack(PACKAGES, folder)
    programs = Programs(folder / "root")
    for helper in [one for pattern in _HELPERS for one in (folder / "root/usr/lib/erlang").glob(pattern)]:
        real = helper.rename(helper.with_name(f"{helper.name}.real"))
        command = " ".join(programs.command(real))
        helper.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        helper.chmod(0o755)


def broker_or_skip() -> Broker:
    """The broker; skips the test where it cannot be had."""
    recipe = hashlib.sha256(" ".join(PACKAGES).encode()).hexdigest()[:12]
    with skipped_without_a_mirror("RabbitMQ"):
        folder = once(f"broker-{RELEASE}-{recipe}", _unpack)
    return Broker(folder / "root")
