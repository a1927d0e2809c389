"""Ask one path again and again over some connections, each as soon as it is answered."""

import asyncio
import json
import sys
import time
from pathlib import Path

WARM_UP = 0.5  # seconds that are not counted


class Client(asyncio.Protocol):
    """One connection; ends everything at an answer that is not 200."""

    def __init__(self, request: bytes, end: float, closed: asyncio.Future[None]) -> None:
        self.request, self.end, self.closed = request, end, closed
        self.answer, self.sent, self.taken = b"", 0.0, []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        self.sent = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.answer += data
        head, found, body = self.answer.partition(b"\r\n\r\n")
        if not found or len(body) < length(head):
            return
        now = time.perf_counter()
        if not head.startswith(b"HTTP/1.1 200"):
            sys.exit(f"error: {self.answer!r}")
        self.taken.append((now, now - self.sent))
        self.answer = b""
        if now < self.end:
            self.send()
        else:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.closed.set_result(None)


def length(head: bytes) -> int:
    """What the header says that the body has."""
    return int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])


async def load(port: int, path: str, body: bytes, connections: int, seconds: float) -> None:
    """Print requests a second and the quantiles of the time to answer, in milliseconds."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    loop, began = asyncio.get_running_loop(), time.perf_counter() + WARM_UP
    clients = [Client(request, began + seconds, loop.create_future()) for _ in range(connections)]
    for client in clients:
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)
    await asyncio.gather(*(client.closed for client in clients))
    answers = [(at, taken) for client in clients for at, taken in client.taken if at > began]
    taken = sorted(1000 * taken for _, taken in answers)
    last = max(at for at, _ in answers)
    found = {"rate": len(taken) / (last - began), "p50": taken[len(taken) // 2]}
    print(json.dumps({**found, "p99": taken[int(0.99 * len(taken))]}))


if __name__ == "__main__":
    port, path, file, connections, seconds = sys.argv[1:]
    content = Path(file).read_bytes()
    asyncio.run(load(int(port), path, content, int(connections), float(seconds)))
