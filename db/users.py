"""People who sign in: passwords, sessions, one-time links. Everything here needs a `system()` transaction, except `members`."""

import hashlib
import logging
import secrets
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlmodel import Session, col, delete, select

from db import limits, tables
from db.engine import one, rows, run
from db.records import Member, Membership, Role, SignedIn, User, Workspace, record

log = logging.getLogger(__name__)

SESSION_LENGTH = timedelta(days=14)
TRIES = 10  # per e-mail address ...
TRIES_WINDOW_SECONDS = 15 * 60.0  # ... in 15 minutes
MINIMUM_PASSWORD_LENGTH = 8  # NIST SP 800-63B; no rules on its characters

_hasher = PasswordHasher()  # argon2id with the library's own cost


class PasswordTooShort(ValueError):
    """A password needs at least 8 characters."""


class EmailTaken(ValueError):
    """Somebody with this e-mail address exists already. Add that user to the workspace instead."""


class TooManyTries(Exception):
    """Ten tries in 15 minutes; the next one is possible after `retry_after_seconds`, or with a sign-in link at once."""

    def __init__(self, retry_after_seconds: float) -> None:
        minutes = max(1, round(retry_after_seconds / 60))
        super().__init__(f"Too many tries. Wait {minutes} min, or ask an admin for a sign-in link.")
        self.retry_after_seconds = retry_after_seconds


def create(tx: Session, email: str, name: str, password: str | None = None) -> User:
    """A new user, without a workspace yet; no password = signs in by link. Raises EmailTaken, PasswordTooShort."""
    address = _normalised(email)
    if by_email(tx, address):
        raise EmailTaken(f"{address} is a user already. Add that user to the workspace instead.")
    row = tables.User(email=address, name=name or address, password_hash=_hash(password) if password else None)
    tx.add(row)
    tx.flush()
    return record(User, row)


def by_email(tx: Session, email: str) -> User | None:
    row = tx.exec(select(tables.User).where(tables.User.email == _normalised(email))).first()
    return record(User, row) if row else None


def set_password(tx: Session, user: UUID, password: str) -> None:
    """A new password; every session of the user ends. Raises PasswordTooShort."""
    run(tx, "UPDATE users SET password_hash = %(hash)s WHERE id = %(id)s", hash=_hash(password), id=user)
    run(tx, "DELETE FROM sessions WHERE user_id = %(id)s", id=user)


def add_member(tx: Session, workspace: UUID, user: UUID, role: Role) -> None:
    """Make the user a member, or give a member another role."""
    run(
        tx,
        "INSERT INTO memberships (workspace_id, user_id, role) VALUES (%(workspace)s, %(user)s, %(role)s)"
        " ON CONFLICT (workspace_id, user_id) DO UPDATE SET role = excluded.role",
        workspace=workspace,
        user=user,
        role=role,
    )


def members(tx: Session) -> list[Member]:
    """The members of the transaction's workspace by name; in a `system()` transaction those of all workspaces."""
    found = rows(
        tx,
        "SELECT u.id, u.email, u.name, m.workspace_id, m.role FROM memberships m JOIN users u ON u.id = m.user_id"
        " ORDER BY lower(u.name), u.id",
    )
    return [Member(record(User, row), row["workspace_id"], row["role"]) for row in found]


def sign_in(tx: Session, email: str, password: str, now: datetime) -> str | None:
    """A session token, or None when e-mail and password do not belong together.

    An unknown address takes as long as a wrong password. Raises TooManyTries after ten tries in 15 minutes; a success clears them.
    """
    address = _normalised(email)
    key = f"sign-in:{hashlib.sha256(address.encode()).hexdigest()}"  # the counters hold no addresses
    wait = limits.take(tx, key, TRIES, TRIES_WINDOW_SECONDS, now)
    if wait:
        raise TooManyTries(wait)
    row = tx.exec(select(tables.User).where(tables.User.email == address)).first()
    if not _matches(row.password_hash if row else None, password) or row is None:
        log.info("A sign-in was refused.", extra={"action": "sign_in.refused"})
        return None
    limits.forget(tx, key)
    return _open_session(tx, row.id, now)


def session(tx: Session, token: str, now: datetime) -> SignedIn | None:
    """Who the token belongs to, and in which workspace; None when it is unknown or has run out."""
    row = one(
        tx,
        "SELECT u.id, u.email, u.name, s.workspace_id, u.last_seen_at FROM sessions s JOIN users u ON u.id = s.user_id"
        " WHERE s.token_hash = %(hash)s AND s.expires_at > %(now)s",
        hash=_token_hash(token),
        now=now,
    )
    if row is None:
        return None
    if row["last_seen_at"] is None or row["last_seen_at"] < now - timedelta(minutes=1):
        _keep_alive(tx, token, row["id"], now)
    memberships = _memberships(tx, row["id"])
    chosen = next((item for item in memberships if item.workspace.id == row["workspace_id"]), None)
    chosen = chosen or next(iter(memberships), None)
    return SignedIn(record(User, row), chosen.workspace if chosen else None, chosen.role if chosen else "", memberships)


def choose_workspace(tx: Session, token: str, workspace: UUID) -> bool:
    """Show this workspace in the session from now on; False when its user is no member of it."""
    touched = run(
        tx,
        "UPDATE sessions s SET workspace_id = m.workspace_id FROM memberships m"
        " WHERE s.token_hash = %(hash)s AND m.user_id = s.user_id AND m.workspace_id = %(workspace)s",
        hash=_token_hash(token),
        workspace=workspace,
    )
    return touched == 1


def sign_out(tx: Session, token: str) -> None:
    """End the session; a token that is unknown is no error."""
    run(tx, "DELETE FROM sessions WHERE token_hash = %(hash)s", hash=_token_hash(token))


def make_sign_in_link(tx: Session, user_id: UUID, now: datetime, hours: float = 24) -> str:
    """The token of a link that signs this user in once, within so many hours."""
    token = secrets.token_urlsafe(32)
    tx.add(tables.SignInLink(token_hash=_token_hash(token), user_id=user_id, expires_at=now + timedelta(hours=hours)))
    tx.flush()
    return token


def redeem_link(tx: Session, token: str, now: datetime) -> str | None:
    """A session token for a link; None when the link is unknown, too old or was used. Of two at once one gets in."""
    row = one(
        tx,
        "UPDATE sign_in_links SET used_at = %(now)s"
        " WHERE token_hash = %(hash)s AND used_at IS NULL AND expires_at > %(now)s RETURNING user_id",
        hash=_token_hash(token),
        now=now,
    )
    return _open_session(tx, row["user_id"], now) if row else None


def prune(tx: Session, now: datetime) -> int:
    """Delete sessions and links that have run out; returns how many."""
    ended = tx.exec(delete(tables.SignInSession).where(col(tables.SignInSession.expires_at) <= now))
    old = tx.exec(delete(tables.SignInLink).where(col(tables.SignInLink.expires_at) <= now))
    return int(ended.rowcount) + int(old.rowcount)


def _open_session(tx: Session, user: UUID, now: datetime) -> str:
    token = secrets.token_urlsafe(32)
    tx.add(
        tables.SignInSession(
            token_hash=_token_hash(token), user_id=user, created_at=now, expires_at=now + SESSION_LENGTH
        )
    )
    tx.flush()
    return token


def _keep_alive(tx: Session, token: str, user: UUID, now: datetime) -> None:
    """Once a minute at most: note that the user was here, and move the end of the session."""
    run(tx, "UPDATE users SET last_seen_at = %(now)s WHERE id = %(id)s", now=now, id=user)
    run(
        tx,
        "UPDATE sessions SET expires_at = %(until)s WHERE token_hash = %(hash)s",
        until=now + SESSION_LENGTH,
        hash=_token_hash(token),
    )


def _memberships(tx: Session, user: UUID) -> tuple[Membership, ...]:
    found = rows(
        tx,
        "SELECT w.id, w.name, w.slug, w.timezone, w.settings, m.role FROM memberships m JOIN workspaces w ON w.id = m.workspace_id"
        " WHERE m.user_id = %(user)s ORDER BY lower(w.name), w.id",
        user=user,
    )
    return tuple(Membership(record(Workspace, row), row["role"]) for row in found)


def _normalised(email: str) -> str:
    return email.strip().lower()


def _token_hash(token: str) -> bytes:
    # 256 random bits need no slow hash; a stolen table opens no session.
    return hashlib.sha256(token.encode()).digest()


def _hash(password: str) -> str:
    if len(password) < MINIMUM_PASSWORD_LENGTH:
        raise PasswordTooShort(f"The password has {len(password)} characters. Use at least {MINIMUM_PASSWORD_LENGTH}.")
    return _hasher.hash(password)


def _matches(password_hash: str | None, password: str) -> bool:
    """Whether the password is right. Without a hash the same work is done against one that no password matches."""
    try:
        return _hasher.verify(password_hash or _nobody(), password) and password_hash is not None
    except VerificationError:
        return False


@lru_cache
def _nobody() -> str:
    return _hasher.hash(secrets.token_urlsafe(32))
