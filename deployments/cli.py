"""x"""


def main() -> None:
    print("ok")
