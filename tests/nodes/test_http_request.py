"""Calls to other systems."""

import pytest

from nodes import http_request
from nodes.contract import NodeFailed
from nodes.effects import SendRequest
from nodes.errors import NotSent, OutcomeUnknown
from nodes.ports import WebReply
from tests.nodes.contexts import carry_out, context
from tests.nodes.crm_fake import FakeWeb


def test_what_a_get_answers_goes_to_later_steps() -> None:
    web = FakeWeb()
    config = {"url": "https://shop.example.com/stock", "headers": [{"name": "X-Key", "value": "k"}]}
    result = carry_out(http_request, context(web=web), config)
    assert (result.output.ok, result.output.status, result.output.data) == (True, 200, {"stock": 3})
    assert web.asked == [("https://shop.example.com/stock", {"X-Key": "k"})]
    assert result.effects == ()


def test_values_of_the_query_stay_values_whatever_a_customer_wrote() -> None:
    web = FakeWeb()
    config = {"url": "https://shop.example.com/s?a=1", "query": [{"name": "q", "value": "x&admin=1#/../é"}]}
    carry_out(http_request, context(web=web), config)
    assert web.asked[0][0] == "https://shop.example.com/s?a=1&q=x%26admin%3D1%23%2F..%2F%C3%A9"


def test_an_answer_that_is_no_success_is_an_answer_too() -> None:
    result = carry_out(http_request, context(web=FakeWeb(WebReply(404, "no"))), {"url": "https://shop.example.com"})
    assert (result.output.ok, result.output.status, result.output.text, result.output.data) == (False, 404, "no", None)


def test_reading_may_be_tried_again_where_nobody_knows() -> None:
    with pytest.raises(NotSent):
        carry_out(http_request, context(web=FakeWeb(OutcomeUnknown("No answer."))), {"url": "https://a.example.com"})


def test_whatever_changes_something_is_an_effect_and_is_not_carried_out_here() -> None:
    web = FakeWeb()
    config = {"method": "POST", "url": "https://a.example.com/x", "fields": [{"name": "who", "value": 'say "hi"\n'}]}
    result = carry_out(http_request, context(web=web), config)
    assert result.effects == (SendRequest(method="POST", url="https://a.example.com/x", body={"who": 'say "hi"\n'}),)
    assert web.asked == []


def test_json_by_hand_goes_as_it_is_and_a_slip_in_it_is_said() -> None:
    config = {"method": "PUT", "url": "https://a.example.com", "body": '{"n": [1, 2]}'}
    [request] = carry_out(http_request, context(), config).effects
    assert isinstance(request, SendRequest) and request.body == {"n": [1, 2]}
    with pytest.raises(NodeFailed, match="no JSON"):
        carry_out(http_request, context(), config | {"body": '{"n": '})
