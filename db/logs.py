"""Logging of every process: readable lines on a terminal, one JSON object per line everywhere else. Secrets never get in.

`log.info("One sentence.", extra={"action": "delivery.sent", "conversation": id})` keeps every extra field.
"""

import json
import logging
import sys
import threading
from datetime import UTC, datetime
from typing import Any

from db.error_reports import start_sentry
from db.scrub import scrub, scrub_fields
from db.settings import get_settings

OURS = ("db", "nodes", "flows", "webhook_server", "ui", "deployments")
# These say at INFO what our own lines say better, with addresses in it.
QUIET = ("httpx", "httpx2", "httpcore", "openai", "twilio", "urllib3", "docket", "alembic", "watchdog")
MOST_CHARACTERS = 8_000  # per text of a record; a stack trace fits
_STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName"}


def setup(process_name: str) -> None:
    """Write the records of this process to its error stream, and errors to Sentry when SENTRY_DSN is set."""
    formatter = ReadableLines() if sys.stderr.isatty() else JsonLines(process_name)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    _attach(logging.getLogger(), handler)
    for name in OURS:  # on our own loggers too, because Prefect replaces the handlers of the root when it starts
        _attach(logging.getLogger(name), handler)
        logging.getLogger(name).propagate = False
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    _log_what_nobody_caught()
    start_sentry(process_name, get_settings().sentry_dsn)


class JsonLines(logging.Formatter):
    """{"time", "level", "process", "logger", "message", <extra fields>, "error"}"""

    def __init__(self, process_name: str) -> None:
        super().__init__()
        self._process_name = process_name

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "process": self._process_name,
            "logger": record.name,
            "message": _text(record.getMessage()),
        }
        line |= {name: value for name, value in extra_fields(record).items() if name not in line}
        if record.exc_info:
            line["error"] = _text(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False, default=str)


class ReadableLines(logging.Formatter):
    """`16:55:03 WARNING  Sentence.  action=delivery.retry conversation=...`, a stack trace below it."""

    def format(self, record: logging.LogRecord) -> str:
        clock = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        fields = " ".join(f"{name}={value}" for name, value in extra_fields(record).items())
        line = f"{clock} {record.levelname:<8} {_text(record.getMessage())}" + (f"  {fields}" if fields else "")
        if record.exc_info:
            line += "\n" + _text(self.formatException(record.exc_info))
        return line


def extra_fields(record: logging.LogRecord) -> dict[str, Any]:
    """What was given as `extra`, scrubbed; a value that is no JSON is shown as text."""
    given = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    return {
        name: value if value is None or isinstance(value, bool | int | float) else _text(_shown(value))
        for name, value in scrub_fields(given).items()
    }


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict | list | tuple) else str(value)


def _text(value: str) -> str:
    """Scrubbed first and cut afterwards: half a secret would not be recognised."""
    clean = scrub(value)
    return clean if len(clean) <= MOST_CHARACTERS else f"{clean[:MOST_CHARACTERS]}... ({len(clean)} characters)"


def _attach(logger: logging.Logger, handler: logging.Handler) -> None:
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)


def _log_what_nobody_caught() -> None:
    log = logging.getLogger(__name__)

    def of_process(kind: Any, error: Any, trace: Any) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        log.critical("The process ends with an error.", exc_info=(kind, error, trace), extra={"action": "process.died"})

    def of_thread(found: threading.ExceptHookArgs) -> None:
        if found.exc_value is not None and not issubclass(found.exc_type, SystemExit):
            exc_info = (found.exc_type, found.exc_value, found.exc_traceback)
            log.critical("A thread ended with an error.", exc_info=exc_info, extra={"action": "thread.died"})

    sys.excepthook = of_process
    threading.excepthook = of_thread
