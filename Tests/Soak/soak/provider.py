"""The provider: random latencies, and an answer of each kind. It knows what each answer costs, and remembers whom it was asked for."""

import asyncio
import json
import random
from decimal import Decimal

CREDIT, TOKEN = Decimal("0.10"), Decimal("0.000003")

# kind → (method, weight in the load, the status that a caller gets)
KINDS = {
    "fixed": ("GET", 5, 200),
    "miss": ("GET", 2, 404),
    "header": ("GET", 3, 200),
    "metered": ("POST", 6, 200),
    "large": ("GET", 1, 200),
    "odd": ("GET", 1, 200),
    "stream": ("POST", 1, 200),
    "error": ("GET", 1, 500),
    "hangup": ("POST", 1, 502),
    "cut": ("GET", 1, 502),
}
# What is charged when the answer says nothing usable.
ESTIMATES = {"odd": 700 * TOKEN, "cut": 900 * TOKEN}
LARGE = 150_000


class Provider:
    """A server on a free port of the loopback address, on the running event loop."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.seen = {}  # call → how often it was asked for
        self.costs = {}  # call → what its answer costs
        self.server = None

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=512)
        self.port = self.server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_):
        self.server.close()

    async def serve(self, reader, writer):
        try:
            while await self.answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # The gateway was killed, which is what this is for.
        finally:
            writer.close()

    async def answer(self, reader, writer):
        """One request; whether the connection goes on."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        length = next((int(line[15:]) for line in head if line.lower().startswith("content-length:")), 0)
        if length:
            await reader.readexactly(length)
        _, _, kind, call = head[0].split(" ")[1].split("?")[0].split("/")
        self.seen[call] = self.seen.get(call, 0) + 1
        await self.pause()
        return await getattr(self, kind)(call, writer)

    async def pause(self):
        slow = self.random.random() < 0.05
        await asyncio.sleep(self.random.uniform(0.1, 0.4) if slow else self.random.uniform(0, 0.03))

    async def send(self, writer, status, body, headers="", cost=None, call=None):
        if cost is not None:
            self.costs[call] = cost
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        return True

    async def fixed(self, call, writer):
        return await self.send(writer, 200, b'{"found":true}', cost=CREDIT, call=call)

    async def miss(self, call, writer):
        return await self.send(writer, 404, b'{"found":false}', cost=Decimal(0), call=call)

    async def header(self, call, writer):
        credits = self.random.randint(0, 3)
        return await self.send(writer, 200, b"[]", f"X-Credits-Spent: {credits}\r\n", CREDIT * credits, call)

    async def metered(self, call, writer):
        tokens = self.random.randint(1, 4000)
        body = json.dumps({"text": "é" * self.random.randint(0, 2000), "usage": {"tokens": tokens}}).encode()
        return await self.send(writer, 200, body, cost=TOKEN * tokens, call=call)

    async def large(self, call, writer):
        tokens = self.random.randint(1, 50_000)
        self.costs[call] = TOKEN * tokens
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        body = b'{"text":"' + b"x" * LARGE + b'","usage":{"tokens":%d}}' % tokens
        for start in range(0, len(body), 40_000):
            piece = body[start : start + 40_000]
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
            await asyncio.sleep(self.random.uniform(0, 0.005))
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    async def odd(self, call, writer):
        body = self.random.choice([b"{}", b"<html>", b'{"usage":{"tokens":"many"}}', b""])
        return await self.send(writer, 200, body, cost=ESTIMATES["odd"], call=call)

    async def stream(self, call, writer):
        """An event stream that says at its end what it took, or does not: then its text is counted, four bytes a token."""
        words = [f"word {number} " for number in range(self.random.randint(1, 6))]
        events = [{"delta": word} for word in words]
        tokens = -(-len("".join(words)) // 4)
        if self.random.random() < 0.7:
            tokens = self.random.randint(len(words), 2000)
            events.append({"usage": {"tokens": tokens}})
        self.costs[call] = TOKEN * tokens
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for event in events:
            data = f"data: {json.dumps(event)}\n\n".encode()
            writer.write(b"%x\r\n%s\r\n" % (len(data), data))
            await writer.drain()
            await asyncio.sleep(self.random.uniform(0, 0.02))
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True

    async def error(self, call, writer):
        return await self.send(writer, 500, b'{"error":"broken"}', cost=Decimal(0), call=call)

    async def hangup(self, call, writer):
        self.costs[call] = Decimal(0)
        return False

    async def cut(self, call, writer):
        self.costs[call] = ESTIMATES["cut"]
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"usage":')
        await writer.drain()
        return False
