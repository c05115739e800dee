"""Readiness is asked, never assumed: small questions over HTTP to our own processes."""

import http.client
import json
import socket
from urllib.parse import urlsplit


def http_ok(url: str, *, timeout_seconds: float = 2) -> bool:
    """Whether a GET of the address is answered with a status below 400."""
    return http_get(url, timeout_seconds=timeout_seconds) is not None


def http_get(url: str, *, timeout_seconds: float = 2) -> bytes | None:
    """The body of a successful GET; None when nobody answers in time or the answer is an error."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=timeout_seconds)
    try:
        connection.request("GET", parts.path or "/", headers={"user-agent": "frontdesk"})
        answer = connection.getresponse()
        body = answer.read()
        return body if answer.status < 400 else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def deployment_is_polled(prefect_api_url: str, name: str) -> bool:
    """Whether Prefect says that somebody asks for the runs of the deployment `flow/deployment`."""
    body = http_get(f"{prefect_api_url}/deployments/name/{name}")
    return body is not None and json.loads(body).get("status") == "READY"


def why_port_is_closed(host: str, port: int) -> str:
    """Empty when a server may listen there now, else the system's reason."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror or str(error)
    return ""
