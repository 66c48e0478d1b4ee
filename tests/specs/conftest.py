from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of facts beside the checkout."""
    folder = Path(__file__).parents[2] / "../shared"
    if not folder.is_dir():
        pytest.skip("needs the shared folder")
    return folder.resolve()
