"""Secrets of connections at rest: Fernet ciphertext, with keys that can be changed without downtime.

The keys are in FRONTDESK_SECRET_KEY, newest first, separated by commas; where it is unset, in the file `secret.key` of the data
folder, made at the first use. The first key encrypts, every key decrypts, `rotate` moves everything to the first.
"""

import base64
import json
import os
import secrets
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlmodel import Session

from db.engine import rows, run
from db.settings import get_settings

MINIMUM_LENGTH = 32  # characters of a key that is any text; shorter ones can be guessed


class SecretKeyUnusable(Exception):
    """FRONTDESK_SECRET_KEY or the key file cannot be used; the text says what to do."""


class SecretsUnreadable(Exception):
    """The ciphertext was made with a key that is not among ours; the text says what to do."""


def seal(values: Mapping[str, str]) -> bytes:
    """Encrypt the secrets of one connection with the newest key."""
    return _cipher().encrypt(json.dumps(dict(values)).encode())


def unseal(data: bytes) -> dict[str, str]:
    """Decrypt what `seal` made. Raises SecretsUnreadable when the key is gone or the data were changed."""
    try:
        values: dict[str, str] = json.loads(_cipher().decrypt(data))
    except InvalidToken:
        raise SecretsUnreadable(
            "The secrets of this connection were encrypted with another key. Put the former key behind the present one in "
            "FRONTDESK_SECRET_KEY (separated by a comma), or enter the secrets of the connection again."
        ) from None
    return values


def rotate(tx: Session) -> int:
    """Encrypt the secrets of every connection again with the newest key; returns how many. Needs a `system()` transaction."""
    cipher = _cipher()
    found = rows(tx, "SELECT id, secrets FROM connections WHERE secrets IS NOT NULL ORDER BY id FOR UPDATE")
    for row in found:
        unseal(row["secrets"])  # says so in words when a key is missing
        run(
            tx,
            "UPDATE connections SET secrets = %(s)s WHERE id = %(id)s",
            s=cipher.rotate(row["secrets"]),
            id=row["id"],
        )
    return len(found)


def new_key() -> str:
    """A key to put in front of FRONTDESK_SECRET_KEY."""
    return Fernet.generate_key().decode()


def _cipher() -> MultiFernet:
    configured = get_settings().secret_key
    return _cipher_of(configured.get_secret_value() if configured else _key_from_file(get_settings().home))


@lru_cache(maxsize=8)
def _cipher_of(keys: str) -> MultiFernet:
    found = [_fernet(key.strip()) for key in keys.split(",") if key.strip()]
    if not found:
        raise SecretKeyUnusable("FRONTDESK_SECRET_KEY holds no key. Unset it, or set a text of at least 32 characters.")
    return MultiFernet(found)


def _fernet(key: str) -> Fernet:
    """A Fernet key is used as it is; any other long text is stretched into one (hosting companies generate such texts)."""
    try:
        return Fernet(key)
    except ValueError:
        pass  # not a Fernet key
    if len(key) < MINIMUM_LENGTH:
        raise SecretKeyUnusable(
            f"A key in FRONTDESK_SECRET_KEY has {len(key)} characters and could be guessed. "
            f"Use at least {MINIMUM_LENGTH} random characters."
        )
    stretched = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"frontdesk secrets").derive(key.encode())
    return Fernet(base64.urlsafe_b64encode(stretched))


def _key_from_file(home: Path) -> str:
    path = home / "secret.key"
    try:
        if not path.exists():
            _make_key_file(path)
        return path.read_text().strip()
    except OSError as error:
        raise SecretKeyUnusable(
            f"The key file {path} cannot be used ({error.strerror}). Correct the rights of the folder, "
            "set FRONTDESK_HOME to a folder that this user may write, or set FRONTDESK_SECRET_KEY."
        ) from error


def _make_key_file(path: Path) -> None:
    """Write the key to a file of our own and link it into place: of two processes one wins, and nobody reads half a key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(new_key())
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first; its key counts
    finally:
        draft.unlink()
