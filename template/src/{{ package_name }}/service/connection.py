"""A client's connection: limits on the head of a request, and a stop that loses no request.

uvicorn with httptools has no limit on headers, in size or in time, and at a stop it closes a
connection on which the next request may be on its way.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 32_768  # request line and headers together
HEAD_SECONDS = 10.0
LINGER_SECONDS = 1.0  # at a stop, for a request that the client has sent already


class Connection(HttpToolsProtocol):
    """uvicorn's connection with a deadline for the head of each request."""

    _stopping = False
    _head: int | None = 0  # bytes of an unfinished head; None: there is none
    _listed = 0  # bytes of its finished headers
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Expect a first request."""
        super().connection_made(transport)
        self._expect(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline."""
        self._expect(None)
        super().connection_lost(exc)

    def _expect(self, seconds: float | None) -> None:
        """Close the connection after that time; None: never."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None
        if seconds is not None:
            self._deadline = self.loop.call_later(seconds, self.transport.close)

    def data_received(self, data: bytes) -> None:
        """Refuse a head that is too long, even before its end has come."""
        super().data_received(data)
        if self._head is not None and not self.transport.is_closing():
            self._head += len(data)
            if self._head > HEAD_BYTES:
                self.send_400_response("The headers are too long.")

    def on_message_begin(self) -> None:
        """Begin to count."""
        super().on_message_begin()
        self._head, self._listed = 0, 0
        self._expect(LINGER_SECONDS if self._stopping else HEAD_SECONDS)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header. What is raised here is answered with status 400."""
        self._listed += len(name) + len(value)
        if self._listed > HEAD_BYTES:
            raise ValueError("the headers are too long")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start the answer; at a stop it tells the client that it is the last one."""
        self._head = None
        self._expect(None)
        super().on_headers_complete()
        if self._stopping:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """Finish the request at work; without one, wait for what may be on its way."""
        self._stopping = True
        if self.cycle is None or self.cycle.response_complete:
            self._expect(LINGER_SECONDS)
        else:
            super().shutdown()
