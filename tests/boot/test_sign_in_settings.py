"""Settings of signing in, from files and the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from merestone.base.errors import InvalidInputError, UsageError
from merestone.boot.sign_in_settings import mail_settings, n_proxies, read_single_sign_on

TOML = 'issuer = "https://id.example.com"\nclient_id = "merestone"\nclient_secret = "in the file"\n'


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FILE", "ISSUER", "CLIENT_ID", "CLIENT_SECRET"):
        monkeypatch.delenv(f"MERESTONE_SSO_{name}", raising=False)


def test_without_file_and_environment_there_is_none(tmp_path: Path) -> None:
    assert read_single_sign_on(tmp_path) is None


def test_file_in_the_data_folder_is_read_and_the_environment_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "single-sign-on.toml").write_text(TOML)
    found = read_single_sign_on(tmp_path)
    assert found is not None
    assert (found.issuer, found.client_secret) == ("https://id.example.com", "in the file")
    monkeypatch.setenv("MERESTONE_SSO_CLIENT_SECRET", "in the environment")
    again = read_single_sign_on(tmp_path)
    assert again is not None
    assert again.client_secret == "in the environment"


def test_environment_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERESTONE_SSO_ISSUER", "https://id.example.com")
    monkeypatch.setenv("MERESTONE_SSO_CLIENT_ID", "merestone")
    found = read_single_sign_on(tmp_path)
    assert found is not None
    assert found.client_id == "merestone"


def test_json_is_read_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "provider.json"
    path.write_text('{"issuer": "https://id.example.com", "client_id": "merestone"}')
    monkeypatch.setenv("MERESTONE_SSO_FILE", str(path))
    assert read_single_sign_on(tmp_path) is not None


@pytest.mark.parametrize("text", ["issuer = ", "\xff"])
def test_unreadable_file_is_told_by_its_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "single-sign-on.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match=r"single-sign-on\.toml") as caught:
        read_single_sign_on(tmp_path)
    assert caught.value.code == "bad-sso-file"


def test_file_named_and_missing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERESTONE_SSO_FILE", str(tmp_path / "none.toml"))
    with pytest.raises(UsageError):
        read_single_sign_on(tmp_path)


def test_half_a_set_up_is_refused_rather_than_ignored(tmp_path: Path) -> None:
    (tmp_path / "single-sign-on.toml").write_text("only = true\n")
    with pytest.raises(InvalidInputError):
        read_single_sign_on(tmp_path)


def test_mail_goes_over_tls_but_to_this_machine() -> None:
    away = mail_settings("smtp://me:p%40ss@mail.example.com", "")
    assert (away["EMAIL_USE_TLS"], away["EMAIL_PORT"], away["EMAIL_HOST_PASSWORD"]) == (True, 587, "p@ss")
    assert mail_settings("smtps://mail.example.com", "")["EMAIL_USE_SSL"]
    assert not mail_settings("smtp://localhost:25", "")["EMAIL_USE_TLS"]
    assert "dummy" in mail_settings("", "")["EMAIL_BACKEND"]


@pytest.mark.parametrize(
    "url", ["mail.example.com", "http://mail.example.com", "smtp://", "smtp://host:port"]
)
def test_other_addresses_are_no_mail_server(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        mail_settings(url, "")
    assert caught.value.code == "bad-mail-url"


@pytest.mark.parametrize("text", ["", "-1", "one", "1.5", "²"])
def test_number_of_proxies_is_a_number(text: str) -> None:
    assert n_proxies("2") == 2
    with pytest.raises(UsageError):
        n_proxies(text)
