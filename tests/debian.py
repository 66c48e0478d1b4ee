"""The Debian archive that this machine uses."""

import subprocess


def mirror() -> str:
    """The URL that the machine's own APT fetches Debian from: another one need not be in reach.

    Raises:
        LookupError: APT has none.
    """
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Label: Debian"]
    found = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    if not found:
        raise LookupError("APT knows no repository of Debian's: run apt-get update")
    return found[0].rstrip("/")
