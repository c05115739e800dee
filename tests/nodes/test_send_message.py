"""What is sent, and what is not."""

import pytest

from nodes import send_message
from nodes.contract import NodeFailed
from nodes.effects import SendMessage, Template
from tests.nodes.contexts import carry_out, context


def test_the_text_of_an_earlier_step_goes_before_the_one_of_the_settings() -> None:
    result = carry_out(send_message, context(), {"text": "From settings"}, text="  From the step ")
    assert result.effects == (SendMessage(text="From the step"),)
    assert result.output.sent and result.output.text == "From the step"


def test_the_text_of_the_settings_is_sent_when_nothing_is_connected() -> None:
    assert carry_out(send_message, context(), {"text": "Thank you."}).effects == (SendMessage(text="Thank you."),)


def test_an_empty_text_is_not_sent_and_says_so() -> None:
    result = carry_out(send_message, context(), {"text": "  \n"})
    assert result.effects == () and not result.output.sent
    assert result.output.reason == "The text is empty, so nothing was sent."


def test_passages_and_model_explain_the_message() -> None:
    passage = {"id": "p1", "source": "Opening hours", "text": "Saturday 10:00 to 14:00.", "score": 0.8}
    [message] = carry_out(send_message, context(), text="At ten.", passages=[passage], model="m1").effects
    assert isinstance(message, SendMessage)
    assert message.explanation == {
        "passages": [{"id": "p1", "source": "Opening hours", "score": 0.8}],
        "model": "m1",
    }


def test_without_a_conversation_there_is_nobody_to_send_to() -> None:
    with pytest.raises(NodeFailed, match="no conversation"):
        carry_out(send_message, context(conversation=None), text="Hello")


TEMPLATE = {
    "id": "HX1",
    "name": "bike_ready",
    "text": "Hello {1}, your bike is ready.",
    "blanks": [{"name": "1", "value": "Lea"}],
}
FILLED = Template(id="HX1", name="bike_ready", text="Hello Lea, your bike is ready.", variables={"1": "Lea"})


def test_a_chosen_template_stands_by_for_the_text() -> None:
    result = carry_out(send_message, context(), {"text": "It is ready!", "template": TEMPLATE})
    assert result.effects == (SendMessage(text="It is ready!", template=FILLED),)


def test_a_template_without_a_text_is_the_message() -> None:
    result = carry_out(send_message, context(), {"template": TEMPLATE})
    assert result.effects == (SendMessage(text=FILLED.text, template=FILLED),)
    assert result.output.sent and result.output.text == FILLED.text


def test_a_template_that_cannot_be_filled_does_not_keep_the_text_back() -> None:
    empty = {**TEMPLATE, "blanks": [{"name": "1", "value": ""}]}
    [message] = carry_out(send_message, context(), {"template": empty}, text="It is ready!").effects
    assert isinstance(message, SendMessage)
    assert message.text == "It is ready!" and message.template is None
    assert "blank 1 of the template 'bike_ready'" in str(message.explanation["template_missing"])


def test_a_template_alone_that_cannot_be_filled_fails_the_step() -> None:
    with pytest.raises(NodeFailed, match="blank 1"):
        carry_out(send_message, context(), {"template": {**TEMPLATE, "blanks": [{"name": "1", "value": " "}]}})
