"""Files as a catalog's resources put them together."""

from .catalogs import Catalog, Resource


def test_fragments_are_joined_by_order_then_by_name() -> None:
    def fragment(name: str, order: str | int, target: str = "/etc/a") -> Resource:
        return Resource("Concat_fragment", name, {"target": target, "order": order, "content": f"{name}\n"})

    fragments = (fragment("z", 2), fragment("b", "10"), fragment("a", "10"), fragment("other", 1, "/etc/b"))
    for order, expected in (("alpha", "a\nb\nz\n"), ("numeric", "z\na\nb\n")):
        file = Resource("Concat_file", "/etc/a", {"order": order})
        assert Catalog((*fragments, file)).files() == {"/etc/a": expected}


def test_a_copy_of_a_file_that_the_catalog_holds_is_known() -> None:
    original = Resource("File", "/etc/a", {"content": "text"})
    copy = Resource("File", "copy", {"path": "/etc/b", "source": "/etc/a"})
    assert Catalog((original, copy)).files() == {"/etc/a": "text", "/etc/b": "text"}
