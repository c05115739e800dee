"""Bodies of calls to a twin of GoHighLevel, read."""

from __future__ import annotations

import json
from email.message import Message
from email.parser import BytesParser
from typing import Any
from urllib.parse import parse_qsl

from tests.fakes.ghl_world import Thing
from tests.fakes.http_twin import Received


def body_of(request: Received) -> Any:
    if not request.body:
        return None
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(request.body.decode()))
    try:
        return json.loads(request.body)
    except ValueError:
        return request.body


def multipart(request: Received) -> tuple[Thing, list[tuple[str, int]]]:
    head = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n".encode()
    whole: Message = BytesParser().parsebytes(head + request.body)
    fields: Thing = {}
    files: list[tuple[str, int]] = []
    for part in whole.get_payload() if whole.is_multipart() else ():
        assert isinstance(part, Message)
        name, file = part.get_param("name", header="content-disposition"), part.get_filename()
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        if file is None:
            fields[str(name)] = content.decode()
        elif name == "fileAttachment":
            files.append((file, len(content)))
        else:
            fields[f"file part {name}"] = ""  # no such field: refused as unknown
    return fields, files
