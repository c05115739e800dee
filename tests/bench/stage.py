"""What every set of running processes has in common: a clean environment without limits, an address, and an orderly end."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from cryptography.fernet import Fernet

from db import engine
from db.settings import Settings, get_settings, variable_of
from tests.bench.desk import PLAIN, Desk, make_desk
from tests.bench.twin_process import Twin
from tests.ports import free_port

LIMITS = ("CONTACT_SECONDS", "API_PER_MINUTE", "ADDRESS_PER_HOUR", "WHATSAPP_PER_MINUTE", "AI_PER_MINUTE")


def without_limits(**more: str) -> dict[str, str]:
    """The environment of a product that answers everything at once; nothing of whoever starts it is in it but PATH and the like."""
    ours = {variable_of(field) for field in Settings.model_fields}
    kept = {name: text for name, text in os.environ.items() if name not in ours and not name.startswith("PREFECT_")}
    return {
        **kept,
        **{f"FRONTDESK_LIMIT_{name}": "0" for name in LIMITS},
        "FRONTDESK_SECRET_KEY": Fernet.generate_key().decode(),
        "FRONTDESK_ALLOW_PRIVATE_ADDRESSES": "true",
        "FRONTDESK_WAIT_FOR_MORE": "0",
        "DO_NOT_TRACK": "1",
        **more,
    }


class Stage(ABC):
    """`with ... as stage:` the processes run; whatever happens, they are ended. Twilio and the model are played by twins."""

    twilio: Twin
    model: Twin

    def __init__(self) -> None:
        self.webhook_port = free_port()

    @property
    def public_url(self) -> str:
        return f"http://127.0.0.1:{self.webhook_port}"

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    @abstractmethod
    def _start(self) -> None: ...

    @abstractmethod
    def _stop(self) -> None: ...

    def desk(self, document: Mapping[str, Any] = PLAIN) -> Desk:
        """A new workspace in which this automation answers."""
        return make_desk(document, self.public_url, self.twilio.base_url, self.model.base_url)


def use(environment: Mapping[str, str], database_url: str) -> None:
    """Point this process at the same key, folder and database."""
    os.environ.update({name: environment[name] for name in ("FRONTDESK_SECRET_KEY", "FRONTDESK_HOME")})
    get_settings.cache_clear()
    engine.configure(database_url)
