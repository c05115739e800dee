"""The script of every page: who is here, the frame around the page, and the page that was asked for."""

from __future__ import annotations

from ui import frame, session

frame.begin()
person = session.here()
page = frame.navigation(person)
frame.sidebar(person)
page.run()
