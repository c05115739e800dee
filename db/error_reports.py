"""Error reports to Sentry: where it broke, never what a customer wrote."""

from typing import Any

from pydantic import SecretStr


def start_sentry(process_name: str, dsn: SecretStr | None) -> None:
    """Report errors of this process, if an address is set. The package is only loaded then."""
    if dsn is None:
        return
    import sentry_sdk

    sentry_sdk.init(
        dsn=dsn.get_secret_value(),
        before_send=without_personal_data,
        server_name=process_name,
        send_default_pii=False,
        include_local_variables=False,
        include_source_context=True,
        max_request_body_size="never",
        max_breadcrumbs=0,  # breadcrumbs hold queries and addresses of calls
    )


def without_personal_data(event: Any, _hint: Any) -> Any:
    """Only what is known to be harmless: types, stack frames, the fixed sentence of a log line, its action and ids."""
    kept = {name: event[name] for name in _HARMLESS if name in event}
    if "logentry" in event:  # the sentence as it stands in the code, without what was put into it
        kept["logentry"] = {"message": event["logentry"].get("message", "")}
    if "exception" in event:
        kept["exception"] = {"values": [_without_text(error) for error in event["exception"].get("values", [])]}
    extra = event.get("extra", {})
    kept["tags"] = {name: str(value)[:200] for name, value in extra.items() if name in _TAGS}
    return kept


_HARMLESS = ("event_id", "timestamp", "level", "logger", "platform", "release", "environment", "server_name", "sdk")
_TAGS = frozenset(
    {"action", "workspace", "conversation", "run", "automation", "connection", "outbox", "event", "step", "node"}
)


def _without_text(error: Any) -> dict[str, Any]:
    # The text of an error may quote a row, a message or an address; its type and place are enough to find it.
    return {name: error[name] for name in ("type", "module", "mechanism", "stacktrace") if name in error}
