"""A workspace with an admin, an agent and a viewer, and the sign-in routes without Streamlit around them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from db import users
from db.engine import configure, system
from db.records import Role
from tests.db.builders import a_workspace
from ui import auth
from ui.guard import PageGuard

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Office:
    """A workspace and its people."""

    workspace: UUID
    people: dict[Role, UUID]

    def token(self, role: Role) -> str:
        """A session of the person with this role."""
        with system() as tx:
            link = users.make_sign_in_link(tx, self.people[role], datetime.now(UTC))
            token = users.redeem_link(tx, link, datetime.now(UTC))
        assert token is not None
        return token


@pytest.fixture
def office(database_url: str) -> Office:
    configure(database_url)
    with system() as tx:
        workspace = a_workspace(tx)
        people: dict[Role, UUID] = {}
        for role in ("admin", "agent", "viewer"):
            user = users.create(tx, f"{role}@example.com", role.title(), PASSWORD)
            users.add_member(tx, workspace, user.id, role)
            people[role] = user.id
    return Office(workspace, people)


async def _page(request: Request) -> Response:
    return PlainTextResponse(f"the page {request.url.path}")


@pytest.fixture
def browser(office: Office) -> Iterator[TestClient]:
    """A browser in front of the sign-in routes and of pages that only signed-in people get."""
    app = Starlette(
        routes=[*auth.ROUTES, Route("/{path:path}", _page)],
        middleware=[Middleware(PageGuard)],
    )
    with TestClient(app, base_url="https://desk.example.com", follow_redirects=False) as client:
        yield client
