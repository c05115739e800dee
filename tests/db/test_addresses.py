from urllib.parse import quote_plus

import pytest

from db.addresses import wanted_of
from db.engine import one, system


def found(addresses: list[str], text: str) -> bool:
    with system() as tx:
        row = one(tx, "SELECT %(text)s ~* %(pattern)s AS found", text=text, pattern=wanted_of(addresses).pattern)
    assert row is not None
    return bool(row["found"])


@pytest.mark.parametrize(
    "text",
    [
        "+14155550123",
        "From=%2B14155550123&Body=Hi",
        "From=whatsapp%3A%2B14155550123",
        '{"wa_id": "14155550123"}',
        '{"text": "\\n+14155550123"}',
        "call (415) 555-0123.",
        "phone=%28415%29+555-0123",
        "phone=%20415%20555%200123",
        "+1 415 555 0123",
        "0014155550123",
    ],
)
def test_a_number_is_found_however_it_is_written(database: str, text: str) -> None:
    assert found(["+14155550123"], text)


@pytest.mark.parametrize("text", ["+141555501234", "+1241555501230", "order 914155550123", "4155550124", "555-0123"])
def test_another_number_is_not_taken_for_it(database: str, text: str) -> None:
    assert not found(["+14155550123"], text)


@pytest.mark.parametrize(
    "text", ["tom@example.com", "Tom <TOM@example.com>.", quote_plus("a <tom@example.com>"), '"x\\ntom@example.com"']
)
def test_a_mail_address_is_found(database: str, text: str) -> None:
    assert found(["tom@example.com"], text)


@pytest.mark.parametrize(
    "text", ["atom@example.com", "tom@example.com.br", "tom@example.community", "x.tom@example.com"]
)
def test_a_longer_mail_address_is_somebody_elses(database: str, text: str) -> None:
    assert not found(["tom@example.com"], text)


def test_a_short_address_is_not_looked_for_in_texts() -> None:
    assert wanted_of(["7", "7", ""]).pattern == ""
    assert wanted_of(["7", "7", ""]).addresses == ("7",)
