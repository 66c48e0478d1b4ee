"""Names of the tests that OpenStack's interoperability guideline 2021.11 requires, as its refstack client reads them.

They come from the guideline itself (Apache licence 2.0), and ship with the program.
"""

import base64
from functools import cache
from importlib import resources

from .params import Value
from .view import View


@cache
def _list(name: str) -> str:
    data = resources.files("reconciler").joinpath(f"data/interop/{name}-2021.11.txt").read_bytes()
    return base64.b64encode(data).decode("ascii")


def object_storage_tests(_: View) -> Value:
    """The tests that guideline 2021.11 requires of an object store"""
    return _list("object")


def other_tests(_: View) -> Value:
    """The tests that guideline 2021.11 requires of a platform"""
    return _list("platform")
