"""Callers: so many at once, with and without keep-alive, of several workspaces. Each call is made once and noted with what came of it."""

import asyncio
import itertools
import random
from dataclasses import dataclass, field
from decimal import Decimal

from .provider import KINDS

# workspace → its settings in config.yaml; the zones tell days that begin elsewhere apart.
WORKSPACES = {
    "alpha": {"timezone": "UTC"},
    "beta": {"timezone": "Asia/Kolkata"},
    "gamma": {"timezone": "America/New_York", "providers": {"soak": {"daily": 500_000}}},
    "delta": {"timezone": "Pacific/Auckland", "users": {"default": {"daily": 500_000}}},
}
USERS = ["u1", "u2", None]
SECONDS = 30


@dataclass
class Call:
    """One call and, when its answer came whole, what it said."""

    name: str
    kind: str
    workspace: str
    user: str | None
    status: int | None = None
    headers: dict = field(default_factory=dict)
    body: bytes = b""
    trouble: str = ""

    @property
    def is_whole(self):
        return self.status is not None

    @property
    def id(self):
        return self.headers.get("x-gateway-request-id")

    @property
    def cost(self):
        """From the head or, where it was pending, from the trailer; None when it is at /_gateway/calls/{id} alone."""
        text = self.headers.get("x-gateway-cost")
        return None if text is None else Decimal(text)

    @property
    def is_unverified(self):
        return self.headers.get("x-gateway-budget") == "unverified"

    @property
    def was_refused(self):
        """Whether the gateway answered it itself, before anything was forwarded."""
        return self.is_whole and self.status != KINDS[self.kind][2] and self.headers.get("content-type") == "application/problem+json"

    def __str__(self):
        budget, body = self.headers.get("x-gateway-budget"), self.body[:200]
        return f"{self.kind} {self.name} of {self.workspace}: {self.status} {self.trouble} id {self.id} cost {self.cost} {budget} {body!r}"


async def exchange(reader, writer, method, path, headers, body=None):
    """One request on an open connection: status, fields and trailers (names in small letters), body. Throws when the answer is not whole."""
    text = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value)
    if body is not None:
        text += f"Content-Length: {len(body)}\r\n"
    writer.write((text + "\r\n").encode() + (body or b""))
    await writer.drain()
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(lines[0].split(" ")[1])
    fields = {}

    def note(lines):
        for line in lines:
            if ":" in line:
                name, value = line.split(":", 1)
                fields[name.strip().lower()] = value.strip()

    note(lines[1:])
    if fields.get("transfer-encoding") == "chunked":
        content = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            content += (await reader.readexactly(size + 2))[:-2]
        while (line := await reader.readuntil(b"\r\n")) != b"\r\n":
            note([line.decode("latin-1")])
    else:
        content = await reader.readexactly(int(fields.get("content-length", 0)))
    return status, fields, content


class Load:
    """Callers that call while it is open."""

    numbers = itertools.count(1)

    def __init__(self, port, seed, callers=12, kinds=None):
        self.port, self.random = port, random.Random(seed)
        self.kinds = list(kinds or KINDS)
        self.weights = [KINDS[kind][1] for kind in self.kinds]
        self.callers, self.calls = callers, {}
        self.is_open = asyncio.Event()
        self.idle = asyncio.Event()
        self.idle.set()
        self.busy, self.tasks, self.is_over = 0, [], False

    async def __aenter__(self):
        self.tasks = [asyncio.create_task(self.call_on()) for _ in range(self.callers)]
        return self

    async def __aexit__(self, *_):
        self.is_over = True
        self.is_open.set()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def run(self, seconds):
        """Calls for so long and until the last answer is there; the calls made meanwhile."""
        before = set(self.calls)
        self.is_open.set()
        await asyncio.sleep(seconds)
        self.is_open.clear()
        await self.idle.wait()
        return [call for name, call in self.calls.items() if name not in before]

    async def call_on(self):
        connection = None
        while not self.is_over:
            await self.is_open.wait()
            if self.is_over:
                break
            self.busy += 1
            self.idle.clear()
            try:
                connection = await self.call(connection)
            finally:
                self.busy -= 1
                if self.busy == 0:
                    self.idle.set()
        if connection:
            connection[1].close()

    async def call(self, connection):
        """One call; the connection when it may be used again."""
        kind = self.random.choices(self.kinds, self.weights)[0]
        workspace = self.random.choice(list(WORKSPACES))
        user = self.random.choice(USERS) if workspace == "delta" else None
        call = Call(f"c{next(self.numbers)}", kind, workspace, user)
        self.calls[call.name] = call
        keeps = self.random.random() < 0.7
        method = KINDS[kind][0]
        headers = {"X-Workspace-Id": workspace, "X-User-Id": user, "Connection": None if keeps else "close"}
        body = b'{"max_tokens":4000}' if method == "POST" else None
        # A kept connection may have ended with its gateway.
        if connection and (connection[0].at_eof() or connection[0].exception()):
            connection = None
        try:
            async with asyncio.timeout(SECONDS):
                if connection is None:
                    connection = await asyncio.open_connection("127.0.0.1", self.port)
                path = f"/soak/v1/{kind}/{call.name}"
                call.status, call.headers, call.body = await exchange(*connection, method, path, headers, body)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            call.trouble = repr(error)
            keeps = False
            if isinstance(error, ConnectionRefusedError):
                await asyncio.sleep(0.02)
        if not keeps or call.headers.get("connection") == "close":
            if connection:
                connection[1].close()
            return None
        return connection
