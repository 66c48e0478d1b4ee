import pytest

from reconciler.specs.scalars import NotFiniteError, NumberTooLongError, TagError, value_of

CORE = "tag:yaml.org,2002:"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("Null", None),
        ("nULL", "nULL"),
        ("true", True),
        ("TRUE", True),
        ("False", False),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("y", "y"),
        ("0", 0),
        ("-0", 0),
        ("12", 12),
        ("-12", -12),
        ("+12", 12),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("0123", "0123"),
        ("-0123", "-0123"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("1:2:3", "1:2:3"),
        ("1.5", 1.5),
        ("1.", 1.0),
        (".5", 0.5),
        ("1e3", 1000.0),
        ("-1.5E-3", -0.0015),
        ("00.5", "00.5"),
        (".", "."),
        ("-", "-"),
        ("1.2.3", "1.2.3"),
        ("2026-11-22", "2026-11-22"),
        ("192.168.0.1", "192.168.0.1"),
        ("=", "="),
        ("<<", "<<"),
        ("256GiB", "256GiB"),
        ("5E3X", "5E3X"),
        ("1\n", "1\n"),
        ("١٢", "١٢"),  # digits, but not ASCII ones
    ],
)
def test_plain_scalars_follow_yaml_1_2(written: str, meant: object) -> None:
    value = value_of(written)
    assert value == meant
    assert type(value) is type(meant)


@pytest.mark.parametrize(
    ("written", "tag", "meant"),
    [
        ("12", None, "12"),
        ("12", "!", "12"),
        ("12", CORE + "str", "12"),
        ("12", CORE + "int", 12),
        ("12", CORE + "float", 12.0),
        ("1.5", CORE + "float", 1.5),
        ("true", CORE + "bool", True),
        ("~", CORE + "null", None),
    ],
)
def test_quotes_and_tags_say_what_is_meant(written: str, tag: str | None, meant: object) -> None:
    value = value_of(written, tag, plain=False)
    assert value == meant
    assert type(value) is type(meant)


@pytest.mark.parametrize(
    ("written", "tag"),
    [("many", "int"), ("true", "int"), ("1.5", "int"), ("1", "bool"), ("yes", "bool"), ("x", "null"), ("x", "binary")],
)
def test_a_tag_that_does_not_fit_is_refused(written: str, tag: str) -> None:
    with pytest.raises(TagError):
        value_of(written, CORE + tag, plain=False)


@pytest.mark.parametrize("written", [".inf", "-.INF", "+.Inf", ".nan", ".NaN", "1e999", "-1e999"])
def test_what_cannot_be_counted_is_refused(written: str) -> None:
    with pytest.raises(NotFiniteError):
        value_of(written)


@pytest.mark.parametrize("written", ["1" * 41, "0x" + "f" * 5000, "9" * 5000, "1." + "0" * 5000])
def test_endless_numbers_are_refused(written: str) -> None:
    with pytest.raises(NumberTooLongError):
        value_of(written)
