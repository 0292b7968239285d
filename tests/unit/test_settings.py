"""What the environment may ask for."""

from pathlib import Path

import pytest

from chalicelib.settings import DEFAULT_ORIGIN, Settings, SettingsError


def test_without_an_environment_everything_has_a_default() -> None:
    settings = Settings.read({})
    assert settings.backend == "embedded"
    assert settings.origins == {DEFAULT_ORIGIN}
    assert settings.node_paths == ()
    assert settings.concurrent_runs >= 1


def test_origins_and_folders_are_lists() -> None:
    settings = Settings.read(
        {"TAVERN_CORS_ORIGINS": "https://a.example, https://b.example/", "TAVERN_NODE_PATHS": "x,y"}
    )
    assert settings.origins == {"https://a.example", "https://b.example"}
    assert settings.node_paths == (Path("x"), Path("y"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BACKEND", "oracle"),
        ("TAVERN_WORKERS", "many"),
        ("TAVERN_WORKERS", "0"),
        ("TAVERN_MODE", "Anarchy"),
        ("TAVERN_MODE", "MultiUser"),
        ("TAVERN_ACCESS_PASSWORD", "secret"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_secrets_are_not_repeated(
    name: str, value: str
) -> None:
    with pytest.raises(SettingsError, match=name) as refused:
        Settings.read({name: value})
    assert "secret" not in str(refused.value)
