"""What the panel beside a message says."""

from ui import words
from ui.explain import template_told


def test_a_message_that_left_as_a_template_names_it() -> None:
    assert "**bike\\_ready**, which WhatsApp approved" in template_told({"template": "bike_ready"})
    assert "Nothing could be filled" in template_told({"template_missing": "Nothing could be filled into 1."})
    assert template_told({"model": "m"}) == ""


def test_an_effect_in_words_names_the_template_that_stands_by() -> None:
    template = {"id": "HX1", "name": "bike_ready", "text": "Your bike is ready."}
    done = {"kind": "send_message", "text": "Ready!", "template": template}
    assert words.effect(done) == (
        "Send to the customer: “Ready!”, or the WhatsApp template “bike_ready” after 24 hours of silence"
    )
    alone = {**done, "text": template["text"]}
    assert words.effect(alone) == "Send to the customer: “Your bike is ready.” (the WhatsApp template “bike_ready”)"
    assert words.effect({"kind": "send_message", "text": "Hi"}) == "Send to the customer: “Hi”"
