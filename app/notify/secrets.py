"""Secrets that we make ourselves: webhook signing secrets, encrypted at rest under WATCHDESK_SECRET_KEY."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets

from cryptography.fernet import Fernet, InvalidToken

from app.errors import SettingsError

PREFIX = "whsec_"
MIN_BYTES, MAX_BYTES = 24, 64  # what Standard Webhooks allows


def new_secret() -> str:
    """Return a fresh signing secret in the form that receivers are given."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def check_secret(secret: str) -> str:
    """Return the secret; raise SettingsError where it is not `whsec_` and base64 of 24 to 64 bytes."""
    try:
        size = len(base64.b64decode(secret.removeprefix(PREFIX), validate=True))
    except binascii.Error:
        size = 0
    if not secret.startswith(PREFIX) or not MIN_BYTES <= size <= MAX_BYTES:
        raise SettingsError(f"a webhook secret is {PREFIX} followed by base64 of {MIN_BYTES} to {MAX_BYTES} bytes")
    return secret


class SecretBox:
    """Encrypts and opens what the database keeps. Made without a key it refuses both, in words that say how to set one."""

    def __init__(self, key: str | None) -> None:
        # The key is 32 characters or more of the operator's choice; hashing gives the 32 bytes that Fernet takes.
        derived = key and base64.urlsafe_b64encode(hashlib.sha256(b"watchdesk.secrets.v1:" + key.encode()).digest())
        self._fernet = Fernet(derived) if derived else None

    def seal(self, secret: str) -> str:
        return self._box().encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str:
        try:
            return self._box().decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise SettingsError("WATCHDESK_SECRET_KEY is not the one that this secret was stored under") from None

    def _box(self) -> Fernet:
        if self._fernet is None:
            raise SettingsError("WATCHDESK_SECRET_KEY is not set; it encrypts the secrets that we make")
        return self._fernet
