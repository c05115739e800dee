"""What the processes of Frontdesk find in their environment: our settings, the database, and a Prefect tuned for one small machine."""

import os
from collections.abc import Mapping
from pathlib import Path

from db.settings import Settings

CODE = Path(__file__).resolve().parent.parent

# Each may be set by hand; these are the values where nobody did. Measured with six-task flows on two cores.
PREFECT_SERVER = {
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(30 * 24 * 3600),  # 30 days, in seconds
    "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "P7D",  # this one takes no plain seconds
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # Not used here, and each is a loop that wakes up: reactions to events, work pools, expired concurrency leases.
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_FOREMAN_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_REPOSSESSOR_ENABLED": "false",
    # Prefect's event feed is not looked at; without it a flow run costs the server 50 ms instead of 92.
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_ENABLED": "false",
    "PREFECT_SERVER_EVENTS_STREAM_OUT_ENABLED": "false",
    "PREFECT_SERVER_LOGS_STREAM_OUT_ENABLED": "false",
    "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
}
EVERYBODY = {
    "MALLOC_ARENA_MAX": "2",  # threads otherwise keep an arena each; saves 5 to 20 MB a process
    "PYTHONUNBUFFERED": "1",
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_CLI_COLORS": "false",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    "STREAMLIT_SERVER_FILE_WATCHER_TYPE": "none",  # saves a thread, and a file handle per module
}


def common(settings: Settings, database_url: str) -> dict[str, str]:
    """The environment that every process of ours gets."""
    return {
        **EVERYBODY,
        **os.environ,
        "DATABASE_URL": database_url,
        "FRONTDESK_HOME": str(settings.home),
        "PREFECT_HOME": str(settings.home / "prefect"),  # not the user's own profiles
        "PREFECT_API_URL": settings.prefect_api_url,
    }


def prefect_server(environment: Mapping[str, str], database_url: str) -> dict[str, str]:
    """The environment of the Prefect server, which keeps its history in a database of its own."""
    chosen = os.environ.get("PREFECT_API_DATABASE_CONNECTION_URL")
    address = chosen or database_url.replace("postgresql://", "postgresql+asyncpg://", 1)
    return {**PREFECT_SERVER, **environment, "PREFECT_API_DATABASE_CONNECTION_URL": address}


def read_dotenv(path: Path) -> None:
    """Take over the lines NAME=value of a `.env` file; what the environment already has wins."""
    if not path.is_file():
        return
    for line in path.read_text().splitlines():
        name, separator, value = line.strip().removeprefix("export ").partition("=")
        if separator and not name.startswith("#"):
            os.environ.setdefault(name.strip(), value.strip().strip("\"'"))
