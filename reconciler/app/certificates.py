"""The fleet's certificates: for whom each is, how it is renewed or revoked, and those that come from a file."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import structlog

from ..enc.view import SELF_SIGNED
from ..model.errors import PermanentError
from ..model.in_force import Place, SettingsAt
from ..model.machine import SecretRef, ShownCertificate
from ..model.observations import Notice
from ..model.tree import SpecTree
from ..specs.named_files import read_named
from ..store import Store

if TYPE_CHECKING:
    from ..store.secrets.pki import Subjects

log = structlog.get_logger()


def api_certificate(cluster: str) -> SecretRef:
    """Names the certificate of a cluster's public endpoint."""
    return SecretRef(cluster, "pki", "api", "certificate")


class _OnDisk(NamedTuple):
    """A file as it was looked at."""

    path: str
    size: int
    changed_at: int  # nanoseconds since 1970


@dataclass
class Certificates:
    """The certificates of one site. Texts come from the store and go into it."""

    store: Callable[[], Store]
    tree: Callable[[], SpecTree]  # the specs in force
    now: Callable[[], datetime]
    _files: dict[str, _OnDisk] = field(default_factory=dict)  # that were last taken, by cluster
    _refused: dict[str, _OnDisk] = field(default_factory=dict)  # that were last told to be of no use
    _shown: Mapping[str, ShownCertificate] | None = None

    def subjects(self, ref: SecretRef) -> "Subjects":
        """For whom a certificate is: a node, or a cluster's public endpoint.

        Raises:
            PermanentError: Nobody of that name is known.
        """
        from ..store.secrets.pki import Subjects  # loads X.509, which only those who mint need

        snapshot = self.store().snapshot()
        node = next((held for held in snapshot.allocations.values() if held.hostname == ref.owner), None)
        if node is not None:
            return Subjects((node.hostname,), tuple(node.addresses.values()))
        tree = self.tree()
        cluster = tree.clusters.get(ref.owner)
        if cluster is None:
            raise PermanentError(f"{ref} is asked for, and {ref.owner} is neither a node nor a cluster")
        vips = tuple(vip.address for vip in snapshot.vips if vip.cluster == ref.owner)
        settings = SettingsAt(tree, Place(ref.owner))
        if ref.kind == "swiftproxy" and (proxy := settings.text("swift_proxy_hostname")):
            return Subjects((proxy,), vips)
        return Subjects((cluster.api.hostname or f"{ref.owner}-api.{cluster.domain}",), vips)

    def mint(self, secrets: Iterable[SecretRef]) -> None:
        """Make those of the secrets that do not exist; an API's certificate is taken from its file, where it has one.

        Raises:
            PermanentError: One cannot be made, or the file cannot be used.
        """
        wanted = tuple(secrets)
        for ref in wanted:
            if self._file_of(ref) is not None and self.store().secret(ref) is None:
                self._take(ref)
        self.store().mint(wanted, self.now(), self.subjects)

    def renew(self, ref: SecretRef, *, who: str, why: str, ends: datetime | None = None) -> datetime:
        """Make a certificate anew, and return when the new one ends.

        Args:
            ref: Which.
            who: A human, or "reconciler".
            why: For the record.
            ends: When the one to be replaced ends; one that ends at another time has been replaced already.

        Raises:
            PermanentError: There is no such certificate, or its file holds none that lasts longer.
        """
        from ..store.secrets import mint, renewal

        store, now = self.store(), self.now()
        old = store.secret(ref)
        if old is None or ref.form != "certificate":
            raise PermanentError(f"there is no certificate {ref}")
        end = renewal.end_of(old)
        if ends is not None and end != ends:
            return end
        if (path := self._file_of(ref)) is not None:
            text = _read(path)
            if renewal.end_of(text) <= end:
                raise PermanentError(
                    f"{ref} ends on {end:%Y-%m-%d}, and so does what {path} holds: put a new one there"
                )
        elif ref == mint.ROOT:
            text = renewal.renew_root(old, now)
        elif ref == mint.AUTHORITY:
            text = renewal.renew_authority(old, self._text(mint.ROOT), now)
        else:
            text = mint.mint(ref, now, authority=self._text(mint.AUTHORITY), subjects=self.subjects(ref))
        told = f"certificate {ref} renewed: {why}"
        store.replace_secret(ref, text, Notice(None, now, "certificate-renewed", told, who))
        if ref == mint.ROOT and store.secret(mint.AUTHORITY) is not None:
            self.renew(mint.AUTHORITY, who=who, why=f"the root above it was renewed: {why}")
        return renewal.end_of(text)

    def revoke(self, ref: SecretRef, *, who: str, why: str) -> datetime:
        """Revoke a certificate, and make its successor; returns when that ends.

        Raises:
            PermanentError: There is no such certificate, or it is not for us to revoke.
        """
        from ..store.certificates import Revocation
        from ..store.secrets import mint, renewal

        text = self.store().secret(ref)
        if text is None or ref.form != "certificate":
            raise PermanentError(f"there is no certificate {ref}")
        if ref in (mint.ROOT, mint.AUTHORITY):
            raise PermanentError(f"{ref} signs all others: to be rid of it, every node needs a new one")
        if not renewal.is_signed_by(text, self._text(mint.AUTHORITY)):
            raise PermanentError(f"{ref} was not issued by the fleet's authority: whoever issued it revokes it")
        number, end = renewal.number_of(text), renewal.end_of(text)
        self.store().revoke_certificate(Revocation(number, str(ref), end, who, why, self.now()))
        return self.renew(ref, who=who, why=f"its predecessor was revoked: {why}")

    def revocation_list(self) -> str:
        """The authorities' lists of revoked certificates, PEM: of the one that signs, then of the root.

        Raises:
            PermanentError: There is no authority yet.
        """
        from ..store.secrets import mint, renewal

        now, revoked = self.now(), self.store().revocations()
        signing = renewal.revocation_list(self._text(mint.AUTHORITY), ((r.number, r.at) for r in revoked), now)
        return signing + renewal.revocation_list(self._text(mint.ROOT), (), now)

    def heed_files(self, tree: SpecTree) -> bool:
        """Take API certificates from files that are new or changed; returns whether documents may differ for that.

        What cannot be used is reported once, tried again at each call, and changes nothing: what the API shows stays.
        """
        known = self._known_shown()
        news, shown = False, dict[str, ShownCertificate]()
        for name, cluster in tree.clusters.items():
            path, before = cluster.api.certificate, known.get(name)
            if path == SELF_SIGNED:
                self._files.pop(name, None)
                shown[name] = self._own(name, before)
                continue
            state = _OnDisk(path, *_state(Path(path)))
            if before is not None and self._files.get(name) == state:
                shown[name] = before
                continue
            taken, shown[name] = self._from_file(name, before, state)
            news |= taken
            if shown[name].problem is None:
                self._files[name] = state  # not before: what is away, database or file, is taken once it is back
        if shown != known:
            self.store().keep_shown(shown)
            self._shown = shown
        return news or shown != known

    def _known_shown(self) -> Mapping[str, ShownCertificate]:
        """What the clusters' APIs show, as it was last written down."""
        if self._shown is None:
            self._shown = self.store().shown()
        return self._shown

    def _from_file(self, name: str, before: ShownCertificate | None, state: _OnDisk) -> tuple[bool, ShownCertificate]:
        """Take the certificate of a cluster's API from its file: whether it is another one, and what is shown then."""
        ref = api_certificate(name)
        try:
            return self._take(ref), ShownCertificate(from_file=True)
        except PermanentError as error:
            from_file = before.from_file if before else self._is_bought(ref)
            stays = "the last one that was taken" if from_file else "one of the fleet's own authority"
            problem = f"{error}; until that is mended it stays {stays}"
            is_news = before is None or before.problem is None or self._refused.get(name, state) != state
            self._refused[name] = state
            if is_news:
                log.error("certificate not taken", secret=str(ref), error=str(error))
                notice = Notice(None, self.now(), "certificate-refused", f"certificate {ref}: {error}")
                self.store().record((), (notice,))
            return False, ShownCertificate(from_file, problem)

    def _own(self, name: str, before: ShownCertificate | None) -> ShownCertificate:
        """What a cluster's API shows where the specs name no file: one from a file stays until somebody renews it."""
        ref = api_certificate(name)
        if before is None or not before.from_file or not self._is_bought(ref):
            return ShownCertificate(from_file=False)
        return ShownCertificate(
            from_file=True,
            problem=f"the specs say {SELF_SIGNED}, and it shows one that somebody else issued: "
            f'"reconciler pki renew {ref}" makes one of the fleet\'s own',
        )

    def _is_bought(self, ref: SecretRef) -> bool:
        """Whether somebody else than the fleet's authority issued a certificate; also where there is none yet."""
        from ..store.secrets import mint, renewal

        text, authority = self.store().secret(ref), self.store().secret(mint.AUTHORITY)
        return text is None or authority is None or not renewal.is_signed_by(text, authority)

    def _take(self, ref: SecretRef) -> bool:
        """Keep what the certificate's file holds; whether that is news."""
        path = self._file_of(ref)
        assert path is not None
        text, store = _read(path), self.store()
        if store.secret(ref) == text:
            return False
        told = f"certificate {ref} taken from {path}"
        store.replace_secret(ref, text, Notice(None, self.now(), "certificate-taken", told, "reconciler"))
        return True

    def _file_of(self, ref: SecretRef) -> Path | None:
        """The file that the specs name for it."""
        if (ref.service, ref.kind) != ("pki", "api"):
            return None
        cluster = self.tree().clusters.get(ref.owner)
        return Path(cluster.api.certificate) if cluster and cluster.api.certificate != SELF_SIGNED else None

    def _text(self, ref: SecretRef) -> str:
        text = self.store().secret(ref)
        if text is None:
            raise PermanentError(f"there is no {ref} yet: it is made with the first certificate")
        return text


def _state(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns


def _read(path: Path) -> str:
    from ..store.secrets.renewal import bought

    text = read_named(path, "a certificate and its key in PEM")
    try:
        return bought(text)
    except PermanentError as error:
        raise PermanentError(f"{path} cannot be used: {error}") from error
