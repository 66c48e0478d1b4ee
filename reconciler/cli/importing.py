"""``import oci``: from a running OCI to a spec tree and our database."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import open_site, who
from .ring_import import keep_rings

if TYPE_CHECKING:
    from ..app.site import Site
    from ..model.machine import SecretRef
    from ..oci_import.assemble import Imported
    from ..oci_import.certificates import Keys
    from ..oci_import.files import OciFiles
    from ..oci_import.rings import OciRing
    from ..oci_import.yaml_documents import Tree

import_app = typer.Typer(
    name="import", help="Take over what another installer knows.", no_args_is_help=True, rich_markup_mode=None
)


def _file(what: str) -> Any:
    return typer.Option(metavar="FILE", dir_okay=False, exists=True, help=what)


def _folder(what: str) -> Any:
    return typer.Option(metavar="DIR", file_okay=False, exists=True, help=what)


_EPILOG = """\b
Example:
  reconciler --config /etc/reconciler/reconciler.yaml import oci \\
      --from mysql+pymysql://oci:PASSWORD@127.0.0.1/oci \\
      --etc /etc/openstack-cluster-installer --certificates /var/lib/oci/ssl \\
      --output ~/cluster-specs
"""


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    import_app.command(epilog=_EPILOG)(oci)
    app.add_typer(import_app)


@import_app.callback()
def _import() -> None:
    """Keeps ``oci`` a word of its own though it is the only one."""


def oci(
    context: typer.Context,
    output: Annotated[Path, typer.Option(metavar="DIR", file_okay=False, help="Where the spec tree goes.")],
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="URL", help="OCI's database: mysql+pymysql://USER:PASSWORD@HOST/NAME."),
    ] = None,
    etc: Annotated[
        Path | None,
        _folder("The folder /etc/openstack-cluster-installer, for all that no other option names."),
    ] = None,
    conf: Annotated[Path | None, _file("openstack-cluster-installer.conf.")] = None,
    hardware_profiles: Annotated[Path | None, _file("hardware-profiles.json.")] = None,
    auto_racking: Annotated[Path | None, _file("auto-racking.json.")] = None,
    repositories: Annotated[Path | None, _folder("The folder repos/.")] = None,
    pki: Annotated[Path | None, _folder("Its authority: the folder pki/.")] = None,
    certificates: Annotated[Path | None, _folder("What it signed: /var/lib/oci/ssl.")] = None,
    ssh_key: Annotated[Path | None, _file("Its key to log in to nodes: id_rsa, with id_rsa.pub beside it.")] = None,
    server_hostname: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="OCI's server, the nodes' Puppet server. [default: this machine's name]"),
    ] = None,
    swift_builders: Annotated[
        Path | None,
        _folder("Swift's ring builders and rings: DIR/CLUSTER/*.builder, or DIR/*.builder of a single cluster."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that were changed since.")] = False,
) -> int:
    """Turn an OCI installation into specs and a database.

    Machines, names, addresses and secrets go into our database, so that Puppet documents do not change. Where OCI's own
    value was a mistake, an EncOverlay keeps it and says so. Certificates stay the same with --pki and --certificates
    (as root: the keys are not for everybody). Without --from, only the files become specs.
    """
    from ..enc.known_secrets import known_classes
    from ..model.errors import PermanentError
    from ..oci_import.file_io import read_extras, read_repositories
    from ..oci_import.files import given_from_texts, tree_from_files
    from ..specs.settings_table import load_table

    conf = conf or _below(etc, "openstack-cluster-installer.conf")
    hardware_profiles = hardware_profiles or _below(etc, "hardware-profiles.json")
    auto_racking = auto_racking or _below(etc, "auto-racking.json")
    repositories = repositories or _below(etc, "repos")
    if from_ is None and (pki or certificates or ssh_key or swift_builders):
        raise typer.BadParameter(
            "--pki, --certificates, --ssh-key and --swift-builders need --from: the database says whose they are"
        )
    if not any((from_, conf, hardware_profiles, auto_racking, repositories)):
        raise typer.BadParameter("nothing to import: name --from, --etc, or a file")
    if from_:
        pki, ssh_key = pki or _below(etc, "pki"), ssh_key or _below(etc, "id_rsa")
    site = open_site(context)
    site = type(site)(site.config.model_copy(update={"specs": output, "source": None}), site.now)
    context.call_on_close(site.close)
    try:
        given = given_from_texts(
            _text(conf),
            _text(hardware_profiles),
            _text(auto_racking),
            read_repositories(repositories) if repositories else None,
            read_extras(etc) if etc else None,
        )
        if from_ is None:
            tree = tree_from_files(given, load_table(), hostname=server_hostname, own_classes=known_classes())
            return _finish(tree, output, overwrite)
        found = _read(given, from_, server_hostname, _keys(pki, certificates, ssh_key))
        rings = _builders(found.tree, swift_builders) if swift_builders else {}
    except ValueError as error:
        raise PermanentError(str(error)) from None
    status = _finish(found.tree, output, overwrite)
    return status or _keep(found, site) or keep_rings(site, rings)


def _below(folder: Path | None, name: str) -> Path | None:
    path = folder / name if folder else None
    return path if path and path.exists() else None


def _builders(tree: "Tree", folder: Path) -> "Mapping[str, Mapping[str, OciRing]]":
    """The rings below a folder, by cluster and name; the tree says what they are made with.

    Raises:
        ValueError: A file is no builder, or nobody knows whose it is.
    """
    from ..oci_import.file_io import read_builders
    from ..oci_import.rings import put_rings, read_rings, storing_cluster

    found = {name or storing_cluster(tree): read_rings(rings) for name, rings in read_builders(folder).items()}
    if not found:
        raise ValueError(f"{folder} has no *.builder")
    for cluster, rings in found.items():
        if cluster not in tree.documents("Cluster"):
            raise ValueError(f'{folder} has builders of "{cluster}", and OCI has no cluster of that name')
        put_rings(tree, cluster, {name: ring.builder for name, ring in rings.items()})
    return found


def _keys(pki: Path | None, certificates: Path | None, ssh_key: Path | None) -> "Keys":
    from ..oci_import.certificates import Keys, login_key
    from ..oci_import.file_io import read_files, read_text

    return Keys(
        read_files(pki) if pki else {},
        read_files(certificates) if certificates else {},
        login_key(read_text(ssh_key), read_text(ssh_key.with_name(f"{ssh_key.name}.pub"))) if ssh_key else {},
    )


def _read(given: "OciFiles", url: str, server_hostname: str | None, keys: "Keys") -> "Imported":
    """The import's findings, from OCI's files and the database at ``url``. Nothing is written.

    Args:
        given: OCI's files.
        url: SQLAlchemy's, of OCI's database.
        server_hostname: Of OCI's server; None: this machine's.
        keys: OCI's keys and certificates.
    """
    import socket

    from ..enc.known_secrets import known_classes, known_forms
    from ..oci_import.assemble import OurTables, import_everything
    from ..oci_import.database import read_database
    from ..specs.puppet_module import known_signatures
    from ..specs.settings_table import load_table

    return import_everything(
        given,
        read_database(url),
        OurTables(load_table(), known_forms(), known_signatures(), known_classes()),
        hostname=server_hostname or socket.gethostname().partition(".")[0],
        keys=keys,
    )


def _keep(found: "Imported", site: "Site") -> int:
    """Fill our database, and make what OCI keeps elsewhere than in its own."""
    from ..oci_import.save import save_import

    kept = save_import(site.store, found, text_of=_text_of, who=who(), at=site.now())
    missing = {ref for view in site.observe().machines for ref in view.missing_secrets}
    problems = _mint(site, missing)
    observed = site.observe()
    made = missing - {ref for view in observed.machines for ref in view.missing_secrets}
    print(
        f"{kept.machines} machines, {kept.hostnames} names with their addresses and {kept.secrets} secrets are new or "
        f"changed in our database; of {len(found.machines)}, {len(found.enrolled)} and {len(found.secrets)} in OCI."
    )
    if made:
        print(f"{len(made)} secrets were made new, which OCI keeps elsewhere: {_kinds(made)}.")
    if kept.paused:
        print(
            'The fleet is paused, for OCI is still in charge. When this server takes over: "reconciler resume fleet".'
        )
    _list("Not kept", kept.refused)
    problems += [f"{view.serial}: {view.enc_problem}" for view in observed.machines if view.enc_problem]
    _list("No Puppet document yet", problems)
    return 1 if kept.refused else 0


def _mint(site: "Site", missing: "Iterable[SecretRef]") -> list[str]:
    """Make what OCI keeps elsewhere, and say what somebody has to bring."""
    from ..model.errors import PermanentError

    problems = []
    bought = [ref for ref in missing if (ref.service, ref.kind) == ("pki", "api")]  # perhaps, as the specs say
    site.certificates.mint(sorted(set(missing) - set(bought), key=str))
    for ref in bought:
        try:
            site.certificates.mint([ref])
        except PermanentError as error:
            problems.append(f"{ref.owner}: {error}")
    return problems


def _text_of(ref: "SecretRef", value: "Mapping[str, str] | str") -> str:
    from ..model.errors import PermanentError
    from ..model.secret_parts import join_parts
    from ..store.secrets.mint import check_text

    text = value if isinstance(value, str) else join_parts(ref.form, value)
    try:
        check_text(ref, text)
    except PermanentError as error:
        raise PermanentError(f"secret {ref}: {error}") from None
    return text


def _kinds(refs: "Iterable[SecretRef]") -> str:
    return ", ".join(sorted({f"{ref.service}/{ref.kind}" for ref in refs}))


def _finish(tree: "Tree", output: Path, overwrite: bool) -> int:
    """Write the tree, check it, and say what was done and what is left to people."""
    from ..app.spec_source import check
    from ..model.units import counted
    from ..oci_import.file_io import write_tree
    from ..render.diagnostics import render_text

    texts = tree.texts()
    loaded = check({name: text.encode() for name, text in texts.items()})
    written = write_tree(texts, output, overwrite=overwrite)
    print(f"{counted(len(texts), 'file')} in {output}, {len(written)} of them new or changed.")
    _list("To decide", tree.to_decide())
    _list("Not carried over", tree.leftover)
    if loaded.tree is None:
        print(render_text(loaded.problems, loaded.sources), end="", file=sys.stderr)
        return 1
    if warnings := len(loaded.problems):
        print(f'The specs are valid, with {counted(warnings, "warning")}: see "reconciler --specs {output} validate".')
    return 0


def _list(title: str, lines: list[str]) -> None:
    if lines:
        print(f"\n{title}:")
        for line in lines:
            print(f"  * {line}")
        print()


def _text(path: Path | None) -> str | None:
    from ..oci_import.file_io import read_text

    return read_text(path) if path else None
