"""The field of a template that WhatsApp approved: choose one, fill its blanks from earlier steps, and read the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from flows import message_templates
from nodes.clients.twilio_content import ContentTemplate
from ui import builder_text, whatsapp_templates
from ui.builder_widget import Around, Told, by_now, changed, wrong
from ui.forms import FormField
from ui.text import plain
from ui.whatsapp_templates import Shelf

FOLDED = "When WhatsApp's 24 hours are over"
NO_TEMPLATE = "None: nothing is sent then"
SHOWN = 5  # templates that cannot be chosen
UNFILLED = "Fill in the marked blanks: WhatsApp refuses a template with an empty one."


def draw(field: FormField, value: Any, around: Around, told: Told) -> None:
    """Folded up until it is wanted: Twilio is asked only for what is seen."""
    # A document from elsewhere may hold anything; what is no template is as good as none, and its problem is shown.
    now: Mapping[str, Any] = value if isinstance(value, Mapping) and value.get("id") and value.get("text") else {}
    said = f"{FOLDED}: {_named(now)}" if now else FOLDED
    with st.expander(
        plain(said), icon=":material/schedule_send:", key=f"{around.key}:fold", on_change="rerun",
        expanded=bool(now or around.problems),
    ) as fold:  # fmt: skip
        if fold.open:
            st.caption(whatsapp_templates.WHY)
            _opened(field, now, around, told)


def _opened(field: FormField, now: Mapping[str, Any], around: Around, told: Told) -> None:
    with st.spinner("Asking Twilio for your templates"):
        shelf = around.templates()
    if shelf.approved or now:
        _choice(field, now, shelf, around, told)
    _unusual(now, shelf)
    if now:
        _blanks(field, now, shelf.find(str(now["id"])), around, told)
        _preview(now, around)
    for problem in [text for path, text in (around.problems or {}).items() if not path.startswith("blanks.")]:
        wrong(problem)


def _choice(field: FormField, now: Mapping[str, Any], shelf: Shelf, around: Around, told: Told) -> None:
    approved, kept = shelf.approved, str(now.get("id") or "")
    names = {"": NO_TEMPLATE, **{id: _label(template, shelf) for id, template in approved.items()}}
    if kept not in names:
        names[kept] = _named(now)
    key = f"{around.key}:which"

    def choose() -> None:
        id = st.session_state[key] or ""
        if id != kept:
            told(message_templates.chosen(approved[id]).model_dump(mode="json") if id in approved else None)

    st.selectbox(
        "Approved template", list(names), index=list(names).index(kept), format_func=names.__getitem__,
        key=key, help=field.help, disabled=around.disabled, on_change=choose,
    )  # fmt: skip


def _unusual(now: Mapping[str, Any], shelf: Shelf) -> None:
    """What a builder has to know about the templates: none there, not allowed any more, or Twilio is silent."""
    found = shelf.find(str(now["id"])) if now else None
    if shelf.trouble:
        st.markdown(f":small[:orange[:material/cloud_off: {plain(shelf.trouble)}]]")
    elif not shelf.approved and not now:
        st.markdown(f":material/info: {whatsapp_templates.NONE_APPROVED}")
    elif now and found is None:
        st.warning("Twilio does not list this template any more, so it would be refused. Choose another one.")
    elif found is not None and whatsapp_templates.reason(found):
        reason = plain(whatsapp_templates.reason(found))
        st.warning(f"This template is {reason}. Until that changes, nothing is sent after the 24 hours: choose another one.")  # fmt: skip
    if not now and not shelf.trouble:
        whatsapp_templates.list_others(shelf, SHOWN)


def _blanks(
    field: FormField, now: Mapping[str, Any], known: ContentTemplate | None, around: Around, told: Told
) -> None:
    blanks = _of(now)

    def put(place: int, part: str, new: Any) -> None:
        kept = by_now(field, around, now)
        if kept and kept.get("id") == now["id"]:
            changed_ones = [{**blank, part: new or ""} if at == place else blank for at, blank in enumerate(_of(kept))]
            told({**kept, "blanks": changed_ones})

    inside = around.within("blanks")
    for place, blank in enumerate(blanks):
        sample = known.samples.get(str(blank.get("name")), "") if known else ""
        # The key names the template: the blanks of another one begin anew.
        one = replace(inside.within(place), key=f"{inside.key}:{now['id']}:{place}")
        _blank(blank, str(now["text"]), sample, one, partial(put, place))


def _blank(blank: Mapping[str, Any], text: str, sample: str, around: Around, put: Any) -> None:
    name, stands = str(blank.get("name")), whatsapp_templates.where(text, str(blank.get("name")))
    about = f"In “{stands}”" if stands else "Part of a button or a picture of the template."
    example = f"For example {sample}" if sample else ""
    value = FormField("value", f"Blank {name}", about, "text")
    builder_text.draw(value, blank.get("value"), around.within("value"), partial(put, "value"), example)
    shown = str(blank.get("otherwise") or "")
    if not shown and not whatsapp_templates.has_chips(str(blank.get("value") or "")):
        return
    otherwise = FormField("otherwise", f"Blank {name}, where that is empty", "A blank must not stay empty.", "text")
    changed(
        st.text_input, otherwise, around.within("otherwise"), partial(put, "otherwise"), shown, value=shown,
        placeholder=example or None,
    )  # fmt: skip


def _preview(now: Mapping[str, Any], around: Around) -> None:
    names = {offer.ref: offer.label for offer in around.offers}
    blanks = _of(now)
    filled = {str(blank.get("name")): str(blank.get("value") or blank.get("otherwise") or "") for blank in blanks}
    with st.container(border=True, gap="xsmall", key=f"preview:{around.key}"):
        st.markdown(":small[:gray[What the customer gets then]]")
        st.markdown(whatsapp_templates.preview(str(now["text"]), filled, lambda ref: names.get(ref, "a result that is gone")))  # fmt: skip
    if around.problems:
        return  # an empty blank is named beside it
    if not all(filled.values()):
        st.markdown(f":small[:orange[:material/edit: {UNFILLED}]]")
    elif lonely := [str(b["name"]) for b in blanks if _may_be_empty(b)]:
        named = "Blank " + " and ".join(lonely) if len(lonely) < 3 else "A blank"
        st.markdown(f":small[:gray[{plain(named)} rests on a result that may be empty: write beside it what stands there then.]]")  # fmt: skip


def _of(template: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The blanks of a kept template."""
    return [dict(blank) for blank in template.get("blanks") or () if isinstance(blank, Mapping)]


def _may_be_empty(blank: Mapping[str, Any]) -> bool:
    """Whether nothing but results of earlier steps stands there."""
    return not blank.get("otherwise") and whatsapp_templates.is_all_chips(str(blank.get("value") or ""))


def _label(template: ContentTemplate, shelf: Shelf) -> str:
    told = whatsapp_templates.name_of(template.name, template.language)
    whose = {each.connection_name for each in shelf.offered}
    own = next((each.connection_name for each in shelf.offered if each.template.id == template.id), "")
    return f"{told} · {own}" if len(whose) > 1 else told


def _named(now: Mapping[str, Any]) -> str:
    return whatsapp_templates.name_of(str(now.get("name") or ""), str(now.get("language") or ""))
