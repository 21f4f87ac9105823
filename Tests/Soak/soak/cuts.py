"""`cuts`: the event streams of every adapter's examples, cut at every byte: by the provider and by the caller, in good order and with a reset, and
left by a caller whose adapter reads on; many at once through one gateway. Each is charged once, for what had come, and the caller has had no
byte that the provider did not send; in the end nothing is held."""

import asyncio
import json
import os
import random
import re
import socket
import struct
import tempfile
import urllib.parse
from dataclasses import dataclass, field
from decimal import Decimal

from . import SoakError, books, examples
from .gateway import Gateway
from .metering import events, is_complete, quantities, told

SECONDS = 30
# Who cuts, and how. A caller may also leave a stream that the gateway reads to its end all the same.
ENDS = [("provider", "closes"), ("provider", "resets"), ("caller", "closes"), ("caller", "resets"), ("caller", "is drained")]


@dataclass
class Cut:
    """One stream, and what came of it."""

    example: examples.Example
    length: int  # so many bytes are sent
    who: str
    how: str
    is_chunked: bool
    sent: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)  # the caller
    left: asyncio.Event = field(default_factory=asyncio.Event)  # the gateway
    body: dict | None = None  # of the request that reached the provider
    id: str | None = None
    got: bytes = b""
    is_whole: bool = False  # the caller has had the answer's end
    trailer: str | None = None
    times: int = 0

    @property
    def bytes(self):
        return self.example.stream[: self.length]

    @property
    def provider(self):
        """The adapter that it is called through."""
        return self.example.provider + ("-drained" if self.how == "is drained" else "")

    def __str__(self):
        framing = "chunked" if self.is_chunked else "until it closes"
        return f"{self.example}: {self.who} {self.how} after {self.length} of {len(self.example.stream)} bytes, {framing}, call {self.id}"


def reset(writer):
    """Closes a connection at once, with a reset."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Provider:
    """Sends each call as much of its stream as the call's number says."""

    def __init__(self, cuts, seed):
        self.cuts, self.random = cuts, random.Random(seed)

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=1024)
        self.port = self.server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_):
        self.server.close()

    async def serve(self, reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            body = await reader.readexactly(int(re.search(r"\r\ncontent-length: (\d+)", head)[1]))
            cut = self.cuts[int(re.search(r"\r\nx-cut: (\d+)", head)[1])]
            cut.times += 1
            cut.body = json.loads(body)
            framing = "Transfer-Encoding: chunked\r\n" if cut.is_chunked else ""
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n{framing}\r\n".encode())
            await self.send(cut.bytes, cut, writer)
            if cut.who == "provider":
                return reset(writer) if cut.how == "resets" else writer.close()
            cut.sent.set()
            async with asyncio.timeout(SECONDS):
                if cut.how == "is drained":
                    await cut.gone.wait()
                    await self.send(cut.example.stream[cut.length :], cut, writer)
                    writer.write(b"0\r\n\r\n" if cut.is_chunked else b"")
                else:
                    await reader.read()
        except ConnectionError:
            pass
        finally:
            writer.close()
        cut.left.set()

    async def send(self, stream, cut, writer):
        """In one, two or three pieces."""
        places = sorted(self.random.choices(range(len(stream) + 1), k=self.random.randint(0, 2)))
        for start, end in zip([0, *places], [*places, len(stream)], strict=True):
            if piece := stream[start:end]:
                writer.write(b"%x\r\n%s\r\n" % (len(piece), piece) if cut.is_chunked else piece)
            await writer.drain()
            await asyncio.sleep(0)


def without_usage(example, body):
    """Whether the caller does not see the events that the gateway has asked for."""
    return example.provider == "openai" and body.get("stream_options") != example.request.get("stream_options")


def passed(cut, stream, is_over=True):
    """What the caller sees of a stream: all of it, less what only the gateway has asked for; an event that may be that waits until it is whole."""
    if not without_usage(cut.example, cut.body):
        return stream
    *blocks, rest = re.split(rb"(?<=\n\n)", stream)
    # What lacks nothing but its empty line is taken out too.
    if any(event.get("choices") == [] for event in events(rest, True)):
        rest = b""
    return b"".join(block for block in blocks if b'"choices":[],' not in block) + (rest if is_over else b"")


def dechunked(raw):
    """The content of a chunked body that may be cut: content, whether it is whole, trailer."""
    content, place = b"", 0
    while (end := raw.find(b"\r\n", place)) >= 0:
        size = int(raw[place:end], 16)
        if size == 0:
            trailer = re.search(rb"(?i)x-gateway-cost: (\S+)\r\n", raw[end:])
            return content, raw.endswith(b"\r\n\r\n"), trailer and trailer[1].decode()
        content += raw[end + 2 : end + 2 + size]
        place = end + 2 + size + 2
    return content, False, None


class Callers:
    def __init__(self, gateway, cuts):
        self.gateway, self.cuts, self.left = gateway, cuts, list(range(len(cuts)))
        self.charges = {}  # call's number → what the gateway says of it

    async def run(self, count, seed):
        random.Random(seed).shuffle(self.left)
        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(self.call_on())

    async def call_on(self):
        while self.left:
            number = self.left.pop()
            try:
                async with asyncio.timeout(SECONDS):
                    await self.call(number, self.cuts[number])
            except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
                raise SoakError(f"{self.cuts[number]}: {error!r}{self.gateway.end_of_log()}") from error

    async def call(self, number, cut):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.gateway.port)
        body = json.dumps(cut.example.request).encode()
        writer.write(
            f"POST /{cut.provider}{cut.example.path} HTTP/1.1\r\nHost: x\r\nX-Workspace-Id: alpha\r\nX-Cut: {number}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)  # fmt: skip
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        if " 200 " not in head.split("\r\n")[0]:
            raise SoakError(f"{cut}: {head}{(await reader.read(2000)).decode(errors='replace')}")
        cut.id = re.search(r"(?i)x-gateway-request-id: (\S+)", head)[1]
        raw = b""
        if cut.who == "provider":
            while piece := await self.read(reader):
                raw += piece
                if raw.endswith(b"\r\n\r\n") and dechunked(raw)[1]:
                    break
            cut.got, cut.is_whole, cut.trailer = dechunked(raw)
            writer.close()
            self.charges[number] = await self.charge(cut)
        else:
            await cut.sent.wait()
            wanted = passed(cut, cut.bytes, is_over=False)
            while len(cut.got) < len(wanted):
                piece = await reader.read(65536)
                if not piece:
                    raise SoakError(f"{cut}: the gateway has ended it, after {len(cut.got)} bytes{self.gateway.end_of_log()}")
                raw += piece
                cut.got = dechunked(raw)[0]
            if cut.how == "resets":
                reset(writer)
            else:
                writer.close()
            cut.gone.set()
            await cut.left.wait()
            while (charge := await self.charge(cut, may_be_missing=True)) is None:
                await asyncio.sleep(0.01)
            self.charges[number] = charge

    @staticmethod
    async def read(reader):
        try:
            return await reader.read(65536)
        except ConnectionError:
            return b""

    async def charge(self, cut, may_be_missing=False):
        status, _, body = await self.gateway.ask(self.gateway.port, "GET", f"/_gateway/calls/{cut.id}", {"X-Workspace-Id": "alpha"})
        if status == 404 and may_be_missing:
            return None
        if status != 200:
            raise SoakError(f"{cut}: at its end its charge is not known: {status} {body[:300]}")
        return json.loads(body)


def check(number, cut, charge, estimates, wrong):
    """One call against what its provider sent."""
    example = cut.example
    # What it is cannot be known of an event that was cut.
    if not passed(cut, example.stream).startswith(cut.got) and cut.got != cut.bytes:
        wrong.add("a caller had bytes that are not the provider's", f"{cut}: {cut.got[-200:]}")
    if cut.who == "provider":
        ends_well = cut.how == "closes" and not cut.is_chunked
        if cut.is_whole != ends_well and cut.how == "closes":
            wrong.add("a caller cannot tell whether the stream is whole", cut)
        if ends_well and cut.got != passed(cut, cut.bytes):
            wrong.add("a caller did not get all", f"{cut}: {len(cut.got)} bytes")
        if cut.trailer is not None and Decimal(cut.trailer) != Decimal(charge["cost"]):
            wrong.add("the trailer has another cost", f"{cut}: {cut.trailer}, {charge['cost']}")
    if cut.times != 1:
        wrong.add("the provider was not asked once", f"{cut}: {cut.times}")
    if cut.body not in (example.request, example.request | {"stream_options": {"include_usage": True}}):
        wrong.add("the provider was asked for something else", f"{cut}: {cut.body}")
    lines = {line["unit"]: (Decimal(line["quantity"]), Decimal(line["cost"])) for line in charge["requestData"]["lines"]}
    cost = Decimal(charge["cost"])
    if abs(sum(part for _, part in lines.values()) - cost) > Decimal("0.000000001"):
        wrong.add("a cost is not the sum of its lines", f"{cut}: {charge}")
    if cost > max(Decimal(example.estimate), Decimal(example.cost)):
        wrong.add("a stream costs more than was held", f"{cut}: {charge}")
    # A reset may take with it what the gateway had not read yet.
    was_reset = cut.who == "provider" and cut.how == "resets"
    ends = [*event_ends(cut.bytes), cut.length] if was_reset else [cut.length]
    is_whole = cut.who == "provider" and cut.how == "closes" and not cut.is_chunked
    if cut.how == "is drained":
        ends, is_whole = [len(example.stream)], True
        if cost != Decimal(example.cost):
            wrong.add("a drained stream does not cost what a whole one does", f"{cut}: {charge}")
    possible = [
        told(example.provider, example.operation, example.stream[:end], is_whole, with_rest) for end in ends for with_rest in (False, True)]
    if not any(fits(charge, lines, cut, found, estimates) for found in possible):
        wrong.add("a stream is not charged for what had come", f"{cut}: {charge}, told {possible[-1]}")


def event_ends(stream):
    return [0, *(match.end() for match in re.finditer(rb"\n\n", stream))]


def fits(charge, lines, cut, found, estimates):
    example = cut.example
    bounds = quantities(example.provider, example.operation, found, estimates)
    if bounds.keys() != lines.keys() or any(not low <= lines[unit][0] <= high for unit, (low, high) in bounds.items()):
        return False
    # A cut stream that has said all may be told as reported; one that has not may not.
    return charge["basis"] == "estimate" or is_complete(example.provider, example.operation, found)


async def estimated(gateway, example):
    """Unit → quantity of the estimate, as the offline command has it; with the one adapter, for it reads all that it is given."""
    folder = tempfile.mkdtemp(dir=gateway.folder)
    os.symlink(os.path.join(examples.PLUGINS, f"{example.provider}.yaml"), os.path.join(folder, f"{example.provider}.yaml"))
    config, request = os.path.join(folder, "config.json"), os.path.join(folder, "request.json")
    path, _, query = example.path.partition("?")
    with open(config, "w", encoding="utf-8") as file:
        json.dump({"gateway": 1, "listen": "127.0.0.1:0", "plugins": folder}, file)
    with open(request, "w", encoding="utf-8") as file:
        json.dump({"method": "POST", "path": path, "query": dict(urllib.parse.parse_qsl(query)), "body": example.request}, file)
    status, output, errors = await gateway.command("price", example.provider, "--request", request, config=config)
    if status != 0:
        raise SoakError(f"{example}: {errors}")
    return {unit: int(number) for unit, number in re.findall(r"^\s+(\w+): (\d+) × ", output, re.M)}


def plan(found, stride, seed):
    """Every example, cut at every so-manieth byte in every way. Examples begin at different bytes, so that few cuts miss little."""
    chosen, cuts = random.Random(seed), []
    for example in found:
        for who, how in ENDS:
            # Only a provider's end can be one of two things.
            start = chosen.randrange(stride)
            cuts += [Cut(example, length, who, how, chosen.random() < 0.5) for length in range(start, len(example.stream) + 1, stride)]
    return cuts


def adapter(folder, provider, departure):
    """Writes an adapter's file anew, with one `on_disconnect` for all of its streams: where they are drained, under a name of its own."""
    with open(os.path.join(examples.PLUGINS, f"{provider}.yaml"), encoding="utf-8") as file:
        text = re.sub(r"\n +on_disconnect:[^\n]*", "", file.read())
    text = re.sub(r"\n    stream:[^\n]*\n", rf"\g<0>      on_disconnect: {departure}\n", text)
    name = provider if departure == "cancel" else f"{provider}-drained"
    for place in (f"provider: {provider}\n", f"dataSources: [{provider}]"):
        text = text.replace(place, place.replace(provider, name))
    with open(os.path.join(folder, f"{name}.yaml"), "w", encoding="utf-8") as file:
        file.write(text)


async def run(options):
    found = examples.streams()
    cuts = plan(found, options.stride, options.seed)
    async with Provider(cuts, options.seed) as provider, Gateway(options.gateway, provider.url) as gateway:
        providers, folder = sorted({example.provider for example in found}), gateway.own_plugins()
        for name in providers:
            adapter(folder, name, "cancel")
            adapter(folder, name, "drain")
        gateway.configuration["providers"] = {name + more: {"url": provider.url} for name in providers for more in ("", "-drained")}
        gateway.configure()
        gateway.environment |= examples.keys()
        await gateway.start()
        estimates = {str(example): await estimated(gateway, example) for example in found}
        callers = Callers(gateway, cuts)
        try:
            await callers.run(options.callers, options.seed)
        except* SoakError as group:
            raise group.exceptions[0] from None
        await gateway.settled()
        wrong = books.Differences()
        for number, cut in enumerate(cuts):
            check(number, cut, callers.charges[number], estimates[str(cut.example)], wrong)
        table = await asyncio.to_thread(books.rows, gateway)
        for number, cut in enumerate(cuts):
            row = table.get(cut.id)
            if row is None or row.cost != Decimal(callers.charges[number]["cost"]):
                wrong.add("a call's row is missing or another", f"{cut}: {row}")
        if len(table) != len(cuts):
            wrong.add("there are not as many rows as calls", f"{len(table)} rows, {len(cuts)} calls")
        books.check_rollups(gateway, table, wrong)
        await books.check_budgets(gateway, table, wrong)
        wrong.check("cuts", gateway)
        await gateway.stop()
        counted = sum(charge["basis"] == "estimate" for charge in callers.charges.values())
        way = "byte" if options.stride == 1 else f"{options.stride} bytes"
        return (
            f"cuts: {len(cuts)} streams of {len(found)} examples of {len(providers)} adapters, cut at every {way} by provider and caller, closed, "
            f"reset and drained, {options.callers} at once: each charged once, {counted} by what was counted; no byte that was not the "
            "provider's, and nothing held in the end."
        )
