"""ShellCheck has nothing to say of the scripts that are sent to machines."""

import shutil
import subprocess
from pathlib import Path

import pytest

from reconciler.model.actions import InstallOs, RootImage
from reconciler.provisioning import commands, fence, raid, root_image

from .build import R640, an_install

INSTALL = an_install(reinstall="it's", may_erase=("a", "b"))
ON_A_MIRROR = an_install(
    image=RootImage(url="http://192.0.2.1/root.tar", sha256="a" * 64), system_disks=("sda", "sdb"), raid=1
)


def sent(path: str, action: InstallOs) -> str:
    return commands.install_files(action, "true")[path].content.decode()


@pytest.mark.parametrize(
    "text",
    [
        sent(fence.SCRIPT_FILE, INSTALL),
        sent(commands.SCRIPT_FILE, INSTALL),
        root_image.image_script(ON_A_MIRROR, R640),
        raid.FIND_TOOL,
    ],
    ids=["fence", "install", "image", "raid"],
)
def test_the_script_is_clean(text: str, tmp_path: Path) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("needs shellcheck (apt: shellcheck)")
    script = tmp_path / "script.sh"
    script.write_text(text)
    told = subprocess.run(["shellcheck", "--shell=sh", script], capture_output=True, text=True, check=False)
    assert told.stdout == ""
