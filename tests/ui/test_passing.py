"""What is said in passing is said: at once while the page is drawn, with the next drawing after a callback."""

from __future__ import annotations

import builtins
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest


def page() -> None:
    import streamlit as st

    from ui import passing

    passing.announce()
    st.button("In a callback", on_click=passing.say, args=("Noted.",))
    if st.button("While it is drawn"):
        passing.say("At once.")


def said(test: AppTest) -> list[str]:
    return [toast.value for toast in test.toast]


def press(test: AppTest, label: str) -> AppTest:
    return next(button for button in test.button if button.label == label).click().run()


def test_a_callback_is_heard_and_so_is_the_drawing() -> None:
    test = AppTest.from_function(page).run()
    assert said(press(test, "In a callback")) == ["Noted."]
    assert said(press(test, "While it is drawn")) == ["At once."]
    assert said(test.run()) == []


def test_where_streamlit_does_not_tell_it_is_said_with_the_next_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    test = AppTest.from_function(page).run()
    known = builtins.__import__

    def moved(name: str, where: Any = None, *more: Any) -> Any:
        if where and where.get("__name__") == "ui.passing" and name.startswith("streamlit.runtime"):
            raise ImportError("A later Streamlit has it elsewhere.")
        return known(name, where, *more)

    monkeypatch.setattr(builtins, "__import__", moved)
    assert said(press(test, "In a callback")) == ["Noted."]
    assert said(press(test, "While it is drawn")) == []
    assert said(test.run()) == ["At once."]
    assert not test.exception
