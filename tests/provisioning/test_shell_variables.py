"""No function of a script overwrites a variable that its caller sets."""

from pathlib import Path

import pytest

from reconciler.model.actions import RootImage
from reconciler.provisioning import commands, fence, look, raid, root_image, tarball

from .build import R640, an_install
from .shell_variables import Clobbered, clobbered

ROOT = Path(__file__).parents[2]
INSTALL = an_install(reinstall="it's", may_erase=("a", "b"))
ON_A_MIRROR = an_install(
    image=RootImage(url="http://192.0.2.1/root.tar", sha256="a" * 64), system_disks=("sda", "sdb"), raid=1
)
SENT = commands.install_files(INSTALL, "true")
OURS = ("reconciler/data/agent/reconciler-agent", ".ci/run", ".ci/trixie", "examples/signed/try.sh")
SCRIPTS = {
    "look": look.SCRIPT,
    "fence": SENT[fence.SCRIPT_FILE].content.decode(),
    "install": SENT[commands.SCRIPT_FILE].content.decode(),
    "image": root_image.image_script(ON_A_MIRROR, R640),
    "survey": tarball.SURVEY,
    "raid": raid.FIND_TOOL,
    **{name: (ROOT / name).read_text() for name in OURS},
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_no_function_overwrites_a_variable_of_its_caller(script: str) -> None:
    assert clobbered(SCRIPTS[script]) == []


TOLD = """
told() {
    for wanted; do
        :
    done
}
each() {
    told b  # wanted=1
}
"""


@pytest.mark.parametrize(
    ("called", "is_found"),
    [
        ("told a", True),
        ("if ! told a; then exit; fi", True),
        ("each", True),
        ("found=$(told a)", False),
        ("echo 'told a'", False),
    ],
)
def test_a_variable_that_is_overwritten_is_found(called: str, is_found: bool) -> None:
    script = f"{TOLD}count() {{\n    wanted=2\n    {called}\n    echo $wanted\n}}\n"
    assert clobbered(script) == ([Clobbered("count", "told", "wanted")] if is_found else [])
