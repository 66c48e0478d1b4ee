"""Specs of operators as a simulation takes them: without files of this machine, without clusters that are left out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..enc.view import SELF_SIGNED
from ..model.kinds import ClusterSpec, EncOverlaySpec
from ..model.tree import SpecTree
from ..specs.loader import Loaded
from .spec_source import check


@dataclass(frozen=True)
class NarrowedCheck:
    """Reads specs as the daemon does, and narrows what it gets. Implements ``spec_source.CheckSpecs``."""

    left_out: frozenset[str] = frozenset()  # clusters

    def __call__(self, files: Mapping[str, bytes]) -> Loaded:
        loaded = check(files)
        return loaded if loaded.tree is None else replace(loaded, tree=self._narrowed(loaded.tree))

    def _narrowed(self, tree: SpecTree) -> SpecTree:
        """The tree without what is not simulated."""
        return replace(
            tree,
            clusters={name: _alone(spec) for name, spec in tree.clusters.items() if name not in self.left_out},
            machines={name: pin for name, pin in tree.machines.items() if pin.cluster not in self.left_out},
            overlays={name: some for name, one in tree.overlays.items() if (some := self._overlay(one)) is not None},
        )

    def _overlay(self, overlay: EncOverlaySpec) -> EncOverlaySpec | None:
        """An overlay of clusters that stay; None: it is of none of them."""
        named = overlay.for_.clusters
        stays = tuple(name for name in named if name not in self.left_out)
        if len(stays) == len(named):
            return overlay
        return (
            overlay.model_copy(update={"for_": overlay.for_.model_copy(update={"clusters": stays})}) if stays else None
        )


def _alone(spec: ClusterSpec) -> ClusterSpec:
    """A cluster whose API has a certificate of the fleet's own: another one's key is in a file of this machine."""
    return spec.model_copy(update={"api": spec.api.model_copy(update={"certificate": SELF_SIGNED})})
