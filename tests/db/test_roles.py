import pytest

from db.roles import Permission, may


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("viewer", {"read"}),
        ("agent", {"read", "reply"}),
        ("builder", {"read", "reply", "build"}),
        ("admin", {"read", "reply", "build", "admin"}),
        ("", set()),
        ("owner", set()),
    ],
)
def test_each_role_may_what_the_one_before_may_and_more(role: str, allowed: set[Permission]) -> None:
    every: tuple[Permission, ...] = ("read", "reply", "build", "admin")
    assert {what for what in every if may(role, what)} == allowed
