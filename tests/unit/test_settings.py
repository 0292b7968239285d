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
    assert settings.kms_key == "alias/comfytavern-local"


def test_origins_and_folders_are_lists() -> None:
    settings = Settings.read(
        {"TAVERN_CORS_ORIGINS": "https://a.example, https://b.example/", "TAVERN_NODE_PATHS": "x,y"}
    )
    assert settings.origins == {"https://a.example", "https://b.example"}
    assert settings.node_paths == (Path("x"), Path("y"))


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("HTTPS://A.example:443/", "https://a.example"),
        ("http://localhost:80", "http://localhost"),
        ("http://a.example:443", "http://a.example:443"),
        ("https://xn--bcher-kva.example:8443", "https://xn--bcher-kva.example:8443"),
        ("http://[::1]:5573", "http://[::1]:5573"),
        ("tauri://localhost", "tauri://localhost"),
    ],
)
def test_an_origin_is_kept_as_browsers_send_it(given: str, sent: str) -> None:
    assert Settings.read({"TAVERN_CORS_ORIGINS": given}).origins == {sent}


@pytest.mark.parametrize(
    "wrong",
    [
        *("*", "null", "a.example", "a.example:443", "//a.example", "https://", "https:a.example"),
        *("https://a.example/app", "https://a.example?x", "https://a.example#x"),
        *("https://*.example", "https://u@a.example", "https://a b", "https://b\u00fccher.example"),
        *("https://a.example:0", "https://a.example:65536", "https://a.example:", "http://[:]"),
    ],
)
def test_what_no_browser_sends_as_an_origin_stops_the_start(wrong: str) -> None:
    with pytest.raises(SettingsError, match="TAVERN_CORS_ORIGINS") as refused:
        Settings.read({"TAVERN_CORS_ORIGINS": f"https://a.example, {wrong}"})
    assert repr(wrong) in str(refused.value)
    assert "https://name:port" in str(refused.value)


def test_no_origins_are_allowed_where_none_are_given() -> None:
    assert Settings.read({"TAVERN_CORS_ORIGINS": ""}).origins == frozenset()


@pytest.mark.parametrize(
    ("port", "suffix"), [("", ""), ("3233", ""), ("0", ""), ("3300", "_3300"), ("08080", "_8080")]
)
def test_a_port_of_its_own_gives_a_server_a_cookie_of_its_own(port: str, suffix: str) -> None:
    assert Settings.read({"TAVERN_PORT": port}).cookie_suffix == suffix


@pytest.mark.parametrize(
    ("environment", "mode"),
    [
        ({}, "open"),
        ({"TAVERN_MODE": "SingleUser", "TAVERN_ACCESS_PASSWORD": ""}, "open"),
        ({"TAVERN_ACCESS_PASSWORD": " \t"}, "open"),
        ({"TAVERN_ACCESS_PASSWORD": " a b "}, "password"),
        ({"TAVERN_MODE": "MultiUser", "TAVERN_ACCESS_PASSWORD": ""}, "accounts"),
        ({"TAVERN_ACCESS_PASSWORD": "sesame"}, "password"),
        ({"TAVERN_MODE": "MultiUser"}, "accounts"),
    ],
)
def test_there_are_three_modes(environment: dict[str, str], mode: str) -> None:
    assert Settings.read(environment).mode == mode


def test_strangers_need_an_invitation_unless_told_otherwise() -> None:
    assert Settings.read({}).registration == "invite"
    assert Settings.read({"TAVERN_REGISTRATION": "open"}).registration == "open"


@pytest.mark.parametrize(
    ("backend", "needed"), [("embedded", False), ("moto", False), ("aws", True)]
)
def test_only_where_strangers_can_be_first_the_first_account_needs_a_code(
    backend: str, needed: bool
) -> None:
    assert Settings.read({"BACKEND": backend}).first_account_needs_code is needed


def test_the_access_password_is_not_shown_with_the_settings() -> None:
    settings = Settings.read({"TAVERN_ACCESS_PASSWORD": "open sesame"})
    assert settings.access_password == "open sesame"
    assert "sesame" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "environment"),
    [
        ("BACKEND", {"BACKEND": "oracle"}),
        ("TAVERN_WORKERS", {"TAVERN_WORKERS": "many"}),
        ("TAVERN_WORKERS", {"TAVERN_WORKERS": "0"}),
        ("TAVERN_MODE", {"TAVERN_MODE": "Anarchy"}),
        ("TAVERN_REGISTRATION", {"TAVERN_REGISTRATION": "closed"}),
        (
            "TAVERN_ACCESS_PASSWORD",
            {"TAVERN_MODE": "MultiUser", "TAVERN_ACCESS_PASSWORD": "secret"},
        ),
        ("TAVERN_ACCESS_PASSWORD", {"BACKEND": "aws", "TAVERN_ACCESS_PASSWORD": " "}),
        ("TAVERN_PORT", {"TAVERN_PORT": "http"}),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_secrets_are_not_repeated(
    name: str, environment: dict[str, str]
) -> None:
    with pytest.raises(SettingsError, match=name) as refused:
        Settings.read(environment)
    assert "secret" not in str(refused.value)
