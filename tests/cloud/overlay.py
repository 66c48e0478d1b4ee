"""A root to write to, over one that stays as it is."""

from collections.abc import Callable
from pathlib import Path

from ..lab.lab import run

LAYERS = ("upper", "work")
"""Folders of what was written."""


def lay(system: Path, folder: Path, run: Callable[..., object] = run) -> Path:
    """Mount the system below ``root`` of a folder: what is written there lies in ``upper`` beside it.

    Args:
        system: A root; nothing is written there.
        folder: Made where it is not there.
        run: Runs ``mount``, where it is to be seen.
    """
    root = folder / "root"
    for made in (*(folder / name for name in LAYERS), root):
        made.mkdir(parents=True, exist_ok=True)
    layers = f"lowerdir={system},upperdir={folder}/upper,workdir={folder}/work"
    run("mount", "-t", "overlay", "-o", layers, "overlay", str(root))
    return root
