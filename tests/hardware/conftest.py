"""Reads the shared folder of golden data, where it lies beside the checkout."""

from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "../shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("needs the shared folder")
    return SHARED
