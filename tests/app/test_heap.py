"""What the system lets a process have."""

import resource
import subprocess
import sys

import pytest

SHOW = """
import resource
from reconciler.app import heap
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
heap.MOST_FILES = 900
heap.allow_many_files()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "expected"), [(100, 800, "800 800"), (100, 1000, "900 1000"), (950, 1000, "950 1000")]
)
def test_the_soft_limit_of_files_is_raised_as_far_as_may_be(soft: int, hard: int, expected: str) -> None:
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] >= hard
    told = subprocess.run(
        [sys.executable, "-c", SHOW.format(soft=soft, hard=hard)], check=True, capture_output=True, text=True
    )
    assert told.stdout.strip() == expected
