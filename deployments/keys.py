"""A new key for the stored secrets, without a moment in which a running process cannot read them."""

import os
import secrets as randomness
from pathlib import Path

from db import engine, secrets
from db.settings import Settings
from deployments.state import CannotStart

FILE = "secret.key"


def rotate(settings: Settings, url: str) -> str:
    """Encrypt every stored secret with the newest key and say what happened.

    With a key file: put a new key in front first (running processes read the file at each use), then re-encrypt. The former key
    stays behind it until the next rotation, for a row that was being written meanwhile. With FRONTDESK_SECRET_KEY nobody but the
    operator can add the new key, so this demands two keys there.
    """
    if settings.secret_key is None:
        put_new_key_first(settings.home / FILE)
        remark = f"The new key is in {settings.home / FILE}; older backups still need the former one, which stands behind it."
    elif "," in settings.secret_key.get_secret_value():
        remark = "When every process runs with the new key, remove the old one from FRONTDESK_SECRET_KEY."
    else:
        raise CannotStart(
            "FRONTDESK_SECRET_KEY holds one key. Set it to NEW,OLD (a new key, a comma, the present key) for every process, "
            f"restart them, then run this again. A fresh key: {secrets.new_key()}"
        )
    engine.configure(url)
    with engine.system() as tx:
        count = secrets.rotate(tx)
    engine.dispose()
    return f"Encrypted the secrets of {count} connections with the new key. {remark}"


def put_new_key_first(path: Path) -> None:
    """Write a new key before the newest known one, in one step."""
    known = path.read_text().strip().split(",")[:1] if path.exists() else []
    draft = path.with_name(f"{path.name}.{randomness.token_hex(8)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(",".join([secrets.new_key(), *known]))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
