"""The body of an answer in pieces, unpacked by ourselves: a small body may unpack to a huge one, and httpx has no bound
for it.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress

import httpx

from cds_hooks.ehr.failures import FhirFailure

_PIECE = 262_144
_GZIP_OR_ZLIB = 47  # zlib's window bits: the header tells which
_SHORT_BODY = 65_536
_SHORT_BODY_SECONDS = 0.05
_BROKEN = "the FHIR server's answer cannot be unpacked"


async def unpacked(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    """The body of a streamed `response` in pieces of at most 256 kB where it was packed.

    FhirFailure when it is packed in another way than gzip, which is all that was asked for, or cannot be unpacked;
    httpx's errors while it is read.
    """
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in {"", "identity"}:
        async for chunk in _raw(response):
            yield chunk
        return
    if encoding not in {"gzip", "x-gzip"}:
        raise FhirFailure("the FHIR server's answer is packed in a way that was not asked for")
    unpacker = zlib.decompressobj(_GZIP_OR_ZLIB)
    async for chunk in _raw(response):
        packed, piece = chunk, b""
        # Input may be used up while output is still to come.
        while packed or len(piece) == _PIECE:
            try:
                piece = unpacker.decompress(packed, _PIECE)
            except zlib.error:
                raise FhirFailure(_BROKEN) from None
            if unpacker.unused_data:  # something follows the end
                raise FhirFailure(_BROKEN)
            packed = unpacker.unconsumed_tail
            yield piece
    if not unpacker.eof:
        raise FhirFailure(_BROKEN)


async def read_to_its_end(response: httpx.Response) -> None:
    """Read a short body that nobody needs, so that its connection can be used again; a long or slow one is left."""
    received = 0
    with suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(_SHORT_BODY_SECONDS):
            async for chunk in _raw(response):
                received += len(chunk)
                if received > _SHORT_BODY:
                    return


def _raw(response: httpx.Response) -> AsyncIterator[bytes]:
    """The body as it was sent. Not `aiter_raw`, which refuses a response that was made with its content."""
    body = response.stream
    if not isinstance(body, httpx.AsyncByteStream):
        raise TypeError("an asynchronous client gives an asynchronous body")
    return body.__aiter__()
