"""Options of OpenStack services, as their own code and oslo.config know them; run by Debian 13's Python, beside both.

``list SERVICE FILE`` has a service's code tell its options, and keeps them as a pickle. ``judge FOLDER`` reads lines of
JSON from standard input, each the options that one file gets, and answers each with a line: what the service says.
"""

import functools
import json
import logging
import pickle
import re
import sys
from collections import defaultdict
from contextlib import suppress
from fnmatch import fnmatchcase
from importlib import import_module, metadata
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from tempfile import NamedTemporaryFile
from types import ModuleType

ABSENT = (
    "boto3", "botocore", "distro", "google", "googleapiclient", "influxdb", "influxdb_client", "kmip", "nacl", "numpy",
    "observabilityclient", "octaviaclient", "os_win", "pymongo", "rados", "rbd", "retrying", "suds", "tabulate",
)  # fmt: skip
"""Modules that services import at their heads, and that have no part in their options: not unpacked."""

REGISTER = {
    "cloudkitty": (), "neutron": ("neutron.services.provider_configuration",), "octavia": ("octavia.common.config",),
}  # fmt: skip
"""Services that read options which they do not list, and modules that register more of them than those that list."""

OPTIONAL = {"gnocchi": ("keystonemiddleware",)}
"""What a service's API loads although its package only suggests it, by service."""

OF_PROGRAMS = ("config_file", "config_dir")
"""Options of command lines."""


class _Nothing(type):
    """Stands in for whatever an absent module has: called, compared and reckoned with, it remains itself."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing

    def __le__(cls, other):
        return False


class Nothing(metaclass=_Nothing):
    """The same as an instance; as a decorator it leaves what it decorates alone."""

    def __init__(self, *_, **__):
        pass

    def __getattr__(self, name):
        return getattr(Nothing, name)

    def __call__(self, *given, **_):
        return given[0] if given and callable(given[0]) else self

    def __le__(self, other):
        return False

    def __int__(self):
        return 1

    def __mul__(self, other):
        return self

    __rmul__ = __truediv__ = __mul__


class AbsentModules(MetaPathFinder, Loader):
    """Finds the modules that are absent: empty ones."""

    def find_spec(self, name, path=None, target=None):
        return ModuleSpec(name, self, is_package=True) if name.partition(".")[0] in ABSENT else None

    def create_module(self, spec):
        module = ModuleType(spec.name)
        module.__getattr__ = functools.partial(getattr, Nothing)
        return module

    def exec_module(self, module):
        pass


def _known_as(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def options_of(service):
    """(namespace, group, options) as the service and the libraries that it requires list them, then as registered."""
    from oslo_config import cfg

    required = (re.match(r"[\w.-]+", one)[0] for one in metadata.requires(service) or () if "extra ==" not in one)
    whose = {_known_as(one) for one in (service, *required, *OPTIONAL.get(service, ()))}
    listed = [
        (one.name, getattr(group, "name", group) or "DEFAULT", list(options))
        for one in metadata.entry_points(group="oslo.config.opts")
        if _known_as(one.dist.name) in whose and "tests." not in one.value and one.name != "oslo.config"
        for group, options in one.load()()
    ]
    if service in REGISTER:
        for name in REGISTER[service]:
            import_module(name)
        registered = {"DEFAULT": cfg.CONF._opts} | {name: group._opts for name, group in cfg.CONF._groups.items()}
        listed += [("", name, [one["opt"] for one in options.values()]) for name, options in registered.items()]
    return [(space, group, [one for one in some if one.dest not in OF_PROGRAMS]) for space, group, some in listed]


class Service:
    """A service's options, from the pickle."""

    def __init__(self, file):
        self.lists = pickle.loads(file.read_bytes())

    def groups(self, namespaces):
        """Options by group; those of other libraries, and of these namespaces, or of all where there are none."""
        own = {space for space, _, _ in self.lists if space.partition(".")[0] in _families(namespaces)}
        found = defaultdict(list)
        for space, group, options in self.lists:
            if not namespaces or space in namespaces or (space and space not in own):
                found[group] += options
        return found


def _families(namespaces):
    return {one.partition(".")[0] for one in namespaces}


@functools.cache
def _of_plugin(kind):
    """What keystoneauth reads in a section that names a way to log in."""
    from keystoneauth1 import loading

    return [
        *loading.get_auth_common_conf_options(),
        *loading.get_session_conf_options(),
        *loading.get_auth_plugin_conf_options(kind),
    ]


def _with_sections_that_options_name(groups, sections, backends):
    """Add the groups that exist because an option names them: those that log in, and the storage backends.

    Args:
        backends: The group that has a backend's options; None where the service has no backends.
    """
    for section, values in sections.items():
        if kind := values.get("auth_type"):
            groups[section] += _of_plugin(kind[0])
    if backends:
        named = ",".join(sections.get("DEFAULT", {}).get("enabled_backends", ())).split(",")
        for one in filter(None, named):
            groups[one.partition(":")[0].strip()] += groups[backends]
    return groups


def _same(name):
    """A name as oslo.config compares it."""
    return name if name == "DEFAULT" else name.lower()


class Judge:
    """What a service does with a file: oslo.config reads it, with the service's options."""

    def __init__(self, groups):
        from oslo_config import cfg

        self._conf, self._known = cfg.ConfigOpts(), {}
        for group, options in groups.items():
            for one in options:
                self._register(group, one, cfg.DuplicateOptError)

    def _register(self, group, option, duplicate):
        option.required = False  # the package's own file may have it, or the section that auth_section names
        with suppress(duplicate):  # of one that two libraries list, in two versions
            self._conf.register_opt(option, None if group == "DEFAULT" else group)
        self._known.setdefault((_same(group), option.dest), (group, option))
        for old in option.deprecated_opts:
            name = (old.name or option.name).replace("-", "_")
            self._known.setdefault((_same(old.group or group), name), (group, option))

    def faults(self, sections, plugins):
        """Section, option and what is wrong, for each option that the service does not take.

        Args:
            plugins: Where the names that an option holds are from, by patterns of section and option.
        """
        with NamedTemporaryFile("w", suffix=".conf") as file:
            for section, values in sections.items():
                lines = (f"{name} = {one}" for name in values for one in values[name])
                print(f"[{section}]", *lines, sep="\n", file=file)
            file.flush()
            self._conf([], project="judged", default_config_files=[file.name], default_config_dirs=[])
            named = ((section, name) for section, values in sections.items() for name in values)
            return [[*one, said] for one in named if (said := self._said(*one, plugins))]

    def _said(self, section, name, plugins):
        found = self._known.get((_same(section), name))
        if found is None:
            return "unknown"
        group, option = found
        try:
            value = self._conf._get(option.dest, None if group == "DEFAULT" else self._conf._get_group(group))
        except ValueError as error:
            return f"refused: {error}"
        froms = [one for pattern, one in plugins.items() if fnmatchcase(f"{section}/{name}", pattern)]
        names = value if isinstance(value, list) else [value]
        lacking = [one for one in names if one and not all(_there(one, group) for group in froms)]
        return f"refused: there is no {', '.join(lacking)}" if lacking else None


def _there(name, group):
    """Whether the packages have what a name stands for.

    Args:
        group: Of entry points, with ``{}`` for one that has the name in its own; or a folder with modules, ending in
            ``/``, below which a dotted name leads to a class; or patterns of modules of which one has the class.
    """
    if group.endswith("/"):
        module, _, name = name.rpartition(".")
        path = f"{group}{module.replace('.', '/')}".lstrip("/")
        return _has_class(f"{path}.py", name) or _has_class(f"{path}/__init__.py", name)
    if group.endswith(".py"):
        return _has_class(group, name)
    if "{}" in group:
        return bool(metadata.entry_points(group=group.format(name)))
    return name in metadata.entry_points(group=group).names


@functools.cache
def _has_class(pattern, name):
    (packages,) = (Path(one) for one in sys.path if one.endswith("/dist-packages"))
    texts = (file.read_text() for file in packages.glob(pattern))
    return any(re.search(rf"(?m)^(class +)?{re.escape(name)}\b", text) for text in texts)


def judge(folder):
    logging.disable()  # of options that will be removed some day
    services = {}
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["service"] not in services:
            services[asked["service"]] = Service(folder / asked["service"])
        groups = services[asked["service"]].groups(asked["namespaces"])
        judged = Judge(_with_sections_that_options_name(groups, asked["sections"], asked["backends"]))
        print(json.dumps(judged.faults(asked["sections"], asked["plugins"])), flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["list", service, file]:
            sys.meta_path.append(AbsentModules())
            Path(file).write_bytes(pickle.dumps(options_of(service)))
        case ["judge", folder]:
            judge(Path(folder))
