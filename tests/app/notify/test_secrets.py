from __future__ import annotations

import base64

import pytest

from app.errors import SettingsError
from app.notify.secrets import SecretBox, check_secret, new_secret

KEY = "correct horse battery staple long enough"


def test_a_secret_comes_back_only_under_its_own_key() -> None:
    secret = new_secret()
    sealed = SecretBox(KEY).seal(secret)
    assert secret not in sealed
    assert SecretBox(KEY).open(sealed) == secret
    with pytest.raises(SettingsError, match="not the one"):
        SecretBox(KEY + "!").open(sealed)


def test_without_a_key_nothing_is_stored_in_the_clear() -> None:
    with pytest.raises(SettingsError, match="WATCHDESK_SECRET_KEY is not set"):
        SecretBox(None).seal("x")


def test_every_new_secret_is_another_one_and_fit_for_use() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(check_secret(secret) == secret for secret in made)


@pytest.mark.parametrize("size", [0, 23, 65])
def test_a_secret_of_the_wrong_size_is_refused(size: int) -> None:
    with pytest.raises(SettingsError, match="24 to 64 bytes"):
        check_secret("whsec_" + base64.b64encode(b"x" * size).decode())


@pytest.mark.parametrize("secret", ["", "hunter2", "whsec_", "whsec_%%%", base64.b64encode(b"x" * 32).decode()])
def test_what_is_no_secret_is_refused(secret: str) -> None:
    with pytest.raises(SettingsError):
        check_secret(secret)
