"""A packed answer unpacked part by part, a little at a time, so that a bomb is noticed before it is in memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from nodes.errors import Rejected

AT_ONCE = 1 << 20  # bytes that are unpacked in one go
_EITHER, _RAW = 47, -15  # 32 + 15: zlib finds out by itself whether it is gzip or zlib


class Unpacking:
    """Feed it the parts of an answer in order. Raises Rejected for what was not asked for, or came damaged."""

    def __init__(self, encoding: str) -> None:
        encoding = encoding.strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise Rejected(
                "bad_encoding", f"It came packed as '{encoding[:30]}', which was not asked for and cannot be read."
            )
        self._stream = None if encoding in ("", "identity") else zlib.decompressobj(_EITHER)
        self._may_be_raw = encoding == "deflate"  # many servers send it without the header that the standard wants
        self._fed, self._began = False, False

    @property
    def is_complete(self) -> bool:
        """Whether the packed stream reached its end."""
        return self._stream is None or not self._fed or self._stream.eof

    def feed(self, part: bytes) -> Iterator[bytes]:
        """What this part unpacks to, in pieces."""
        if self._stream is None:
            yield part
            return
        self._fed |= bool(part)
        while part:
            if self._stream.eof:
                if not part.startswith(b"\x1f\x8b"):
                    return  # padding after the end
                self._stream = zlib.decompressobj(_EITHER)  # gzip may consist of several members
            yield self._unpack(part)
            part = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail

    def _unpack(self, part: bytes) -> bytes:
        assert self._stream is not None
        try:
            piece = self._stream.decompress(part, AT_ONCE)
        except zlib.error as error:
            if self._began or not self._may_be_raw:
                raise Rejected("damaged", "It came damaged: its compressed form cannot be read.") from error
            self._stream, self._may_be_raw = zlib.decompressobj(_RAW), False
            return self._unpack(part)
        self._began |= bool(piece)
        return piece
