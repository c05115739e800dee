"""What somebody typed into a search field, as the database looks for it."""

import re
from uuid import UUID

from sqlmodel import Session

from db.engine import rows


def pattern(text: str) -> str:
    """For ILIKE, anywhere in a value. The reader's % and _ stand for themselves."""
    wanted = text.strip()
    for special in "\\%_":
        wanted = wanted.replace(special, f"\\{special}")
    return f"%{wanted}%"


def contact_pattern(text: str) -> str:
    """Like `pattern`; a phone number may be typed with spaces, brackets and dashes."""
    wanted = text.strip()
    return pattern(re.sub(r"[\s().-]", "", wanted) if _PHONE.fullmatch(wanted) else wanted)


def contacts_like(tx: Session, text: str, most: int) -> list[UUID] | None:
    """The contacts whose name, phone or e-mail fits; None where there are more than `most`."""
    found = rows(tx, "SELECT contacts_like(%(pattern)s, %(most)s) AS id", pattern=contact_pattern(text), most=most + 1)
    return [row["id"] for row in found] if len(found) <= most else None


# For a contact `p`. It is put into a scalar subquery, which stays where it is; an EXISTS would be turned into a join that
# begins with all the contacts.
CONTACT_FITS = "p.name || ' ' || coalesce(p.phone, '') || ' ' || coalesce(p.email, '') ILIKE %(pattern)s"
_PHONE = re.compile(r"\+?[\d\s().-]{4,}")
