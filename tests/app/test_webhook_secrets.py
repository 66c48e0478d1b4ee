"""Secrets of webhooks come from files."""

from pathlib import Path

import pytest

from reconciler.app.config import Config, ConfigError
from reconciler.app.webhook_secrets import webhook_secrets


def configured(path: Path) -> Config:
    return Config.model_validate({"webhooks": {"gitea": {"secret_file": path}}})


def test_a_secret_is_what_its_file_has_without_the_end_of_the_line(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("correct horse battery\n")
    assert webhook_secrets(configured(tmp_path / "secret")) == {"gitea": b"correct horse battery"}
    assert webhook_secrets(Config()) == {}


@pytest.mark.parametrize(
    ("text", "told"), [(None, "cannot be read: No such file"), ("\n", "has 0 bytes"), ("short\n", "has 5 bytes")]
)
def test_a_secret_that_is_none_ends_the_start_and_is_not_shown(tmp_path: Path, text: str | None, told: str) -> None:
    if text is not None:
        (tmp_path / "secret").write_text(text)
    with pytest.raises(ConfigError, match=f"webhooks.gitea: .*{told}") as error:
        webhook_secrets(configured(tmp_path / "secret"))
    assert "short" not in str(error.value)
