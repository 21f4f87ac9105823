"""The providers' own SDKs stream through the gateway, and see what they see without it.

A provider of our own replays the streams of the adapters' examples, in every way in which a stream may be written and cut into pieces. Each SDK
asks it directly and through the gateway, in each of its ways: the events that it makes of them, the whole message at the end and the
errors are the same, and each call costs what the example says however it was written.

    python streams.py GATEWAY_EXECUTABLE"""

import asyncio
import json
import os
import re
import sys
import warnings
import zlib
from decimal import Decimal

import anthropic
import google.genai
import openai
import perplexity

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "Soak"))
from soak import SoakError, examples  # noqa: E402
from soak.gateway import Gateway  # noqa: E402

AT_ONCE = 6
EXAMPLES = examples.streams()


# MARK: The provider


def in_parts(text, size):
    return [text[start : start + size] for start in range(0, len(text), size)]


def in_lines(block):
    """An event's JSON over several lines, each of which is a `data` field."""
    before, mark, data = block.decode().partition("data: ")
    if not data.startswith("{"):
        return block
    lines = json.dumps(json.loads(data), indent=1, ensure_ascii=False).split("\n")
    return (before + "\n".join(mark + line for line in lines)).encode()


def blocks(stream):
    return stream.split(b"\n\n")[:-1]


def gzipped(stream):
    """As a provider does that was asked not to."""
    coder = zlib.compressobj(wbits=31)
    return [coder.compress(block + b"\n\n") + coder.flush(zlib.Z_SYNC_FLUSH) for block in blocks(stream)] + [coder.flush()]


# How a stream is written → its pieces.
STYLES = {
    "an event a piece": lambda stream: [block + b"\n\n" for block in blocks(stream)],
    "byte by byte": lambda stream: in_parts(stream, 1),
    "CRLF, and a piece ends between them": lambda stream: re.split(rb"(?<=\r)", stream.replace(b"\n", b"\r\n")),
    "CR": lambda stream: in_parts(stream.replace(b"\n", b"\r"), 7),
    "comments and other fields": lambda stream: in_parts(
        b"".join(b": still there\n\n: here it is\nretry: 3000\n" + block + b"\n\n" for block in blocks(stream)), 100),
    "a byte order mark": lambda stream: [b"\xef\xbb\xbf" + stream],
    "data of many lines": lambda stream: [b"\n\n".join([in_lines(block) for block in blocks(stream)]) + b"\n\n"],
    "gzip": gzipped,
}  # fmt: skip


def as_asked(example, body):
    """The stream that this request gets: OpenAI tells the usage to those who ask for it."""
    if example.provider != "openai" or "messages" not in body or (body.get("stream_options") or {}).get("include_usage"):
        return example.stream
    kept = (block.replace(b',"usage":null', b"") for block in blocks(example.stream) if b'"choices":[],' not in block)
    return b"".join(block + b"\n\n" for block in kept)


async def serve(reader, writer):
    try:
        while head := (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower():
            body = await reader.readexactly(int(re.search(r"\r\ncontent-length: (\d+)", head)[1]))
            number, place = map(int, re.search(r"\r\nx-replay: (\d+) (\d+)", head).groups())
            style = list(STYLES)[place]
            coding = "Content-Encoding: gzip\r\n" if style == "gzip" else ""
            writer.write(
                f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n{coding}Transfer-Encoding: chunked\r\n\r\n".encode())
            for piece in STYLES[style](as_asked(EXAMPLES[number], json.loads(body))):
                if piece:
                    writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                    await writer.drain()
                    await asyncio.sleep(0)
            writer.write(b"0\r\n\r\n")
            await writer.drain()
    except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


# MARK: The SDKs


def dump(found):
    """All of an event; google-genai puts the answer's head into each, and the gateway's has more fields."""
    return found.model_dump(exclude={"sdk_http_response"}) if hasattr(found, "model_dump") else repr(found)


def listed(stream):
    """What an SDK makes of a stream: every event, and how it ended."""
    found = []
    try:
        with stream as events:
            for event in events:
                found.append(dump(event))  # noqa: PERF401 What came before an error counts.
            for final in ("get_final_completion", "get_final_response", "get_final_message"):
                if hasattr(events, final):
                    found.append(dump(getattr(events, final)()))
    except Exception as error:  # noqa: BLE001 Every error is a result: it must be the same.
        found.append(f"{type(error).__name__}: {error}")
    return found


async def listed_asynchronously(stream):
    found = []
    try:
        if asyncio.iscoroutine(stream):
            stream = await stream
        async with stream as events:
            async for event in events:
                found.append(dump(event))
            for final in ("get_final_completion", "get_final_response", "get_final_message"):
                if hasattr(events, final):
                    result = getattr(events, final)()
                    found.append(dump(await result if asyncio.iscoroutine(result) else result))
    except Exception as error:  # noqa: BLE001
        found.append(f"{type(error).__name__}: {error}")
    return found


class Generated:
    """google-genai's streams are plain iterators."""

    def __init__(self, stream):
        self.stream = stream

    def __enter__(self):
        return self.stream

    def __exit__(self, *_):
        pass

    async def __aenter__(self):
        return await self.stream

    async def __aexit__(self, *_):
        pass


# Where an SDK finds each provider's API below a base URL.
PATHS = {"openai": "/v1", "brave": "/res/v1"}
LIBRARIES = {
    "openai": (openai.OpenAI, openai.AsyncOpenAI),
    "brave": (openai.OpenAI, openai.AsyncOpenAI),
    "anthropic": (anthropic.Anthropic, anthropic.AsyncAnthropic),
    "perplexity": (perplexity.Perplexity, perplexity.AsyncPerplexity),
}


class Clients:
    """The SDKs' clients for one base URL: of a provider, or of the gateway in front of it."""

    def __init__(self, url):
        self.url, self.made = url, {}

    def client(self, provider, is_asynchronous):
        key = provider, is_asynchronous
        if key not in self.made:
            base = self.url(provider) + PATHS.get(provider, "")
            if provider == "gemini":
                client = google.genai.Client(api_key="the-callers-own", http_options={"base_url": base})
                self.made[key] = client.aio if is_asynchronous else client
            else:
                self.made[key] = LIBRARIES[provider][is_asynchronous](base_url=base, api_key="the-callers-own", max_retries=0, timeout=30)
        return self.made[key]

    def stream(self, example, headers, is_asynchronous, is_helper):
        """A stream as the SDK gives it: of raw events, or of its helper's."""
        client, request = self.client(example.provider, is_asynchronous), dict(example.request)
        if example.provider == "gemini":
            config = request.pop("generationConfig", {}) | {"http_options": {"headers": headers}}
            if "tools" in request:
                config["tools"] = request["tools"]
            model = re.search(r"models/([^:]+):", example.path)[1]
            return Generated(client.models.generate_content_stream(model=model, contents=request["contents"], config=config))
        resource = client.messages if example.provider == "anthropic" else client.responses if "input" in request else client.chat.completions
        if is_helper:
            del request["stream"]
            return resource.stream(**request, extra_headers=headers)
        own = {name: request.pop(name) for name in list(request) if example.provider == "brave" and "research" in name}
        return resource.create(**request, extra_headers=headers, extra_body=own)

    async def ask(self, example, headers, is_asynchronous, is_helper):
        try:
            if is_asynchronous:
                return await listed_asynchronously(self.stream(example, headers, True, is_helper))
            return await asyncio.to_thread(lambda: listed(self.stream(example, headers, False, is_helper)))
        except TypeError as error:
            raise SoakError(f"{example}: the SDK does not take the example's request: {error}") from error


def cases():
    """(example, style, asynchronous, helper): every style for one way to ask, and every other way in one style."""
    for number, example in enumerate(EXAMPLES):
        has_helper = example.provider in ("openai", "anthropic")
        for style, name in enumerate(STYLES):
            if name == "gzip" and as_asked(example, example.request) != example.stream:
                continue  # The usage that only the gateway has asked for cannot be taken out of what is coded.
            yield number, style, bool(style % 2), False
            if has_helper and style % 3 == number % 3:
                yield number, style, not style % 2, True


def described(case):
    number, style, is_asynchronous, is_helper = case
    return f"{EXAMPLES[number]} ({'async' if is_asynchronous else 'sync'}{', its helper' if is_helper else ''}; {list(STYLES)[style]})"


async def compare(place, case, direct, through, wrong):
    """Asks both; whether the SDK has read the stream to its end without an error."""
    number, style, *way = case
    headers = {"X-Replay": f"{number} {style}", "X-Entity-Id": str(place)}
    expected = await direct.ask(EXAMPLES[number], headers, *way)
    found = await through.ask(EXAMPLES[number], headers, *way)
    if found != expected or (style == 0 and not expected):
        difference = next((pair for pair in zip(expected, found, strict=False) if pair[0] != pair[1]), (len(expected), len(found)))
        wrong.append(f"{described(case)}: directly {difference[0]}, through the gateway {difference[1]}")
    return not any(isinstance(event, str) for event in expected)


async def main():
    warnings.simplefilter("ignore")
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=256)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with Gateway(sys.argv[1], url) as gateway:
        gateway.configuration |= {
            "plugins": examples.PLUGINS,
            "providers": {name: {"url": url} for name in sorted({example.provider for example in EXAMPLES})},
            "auth": {"mode": "header", "default_workspace": "alpha"},
        }
        gateway.configure()
        gateway.environment |= examples.keys()
        await gateway.start()
        direct, through = Clients(lambda _: url), Clients(lambda provider: f"http://127.0.0.1:{gateway.port}/{provider}")
        wrong, gate, all_cases = [], asyncio.Semaphore(AT_ONCE), list(cases())

        async def one(place, case):
            async with gate:
                return await compare(place, case, direct, through, wrong)

        were_read = await asyncio.gather(*(one(place, case) for place, case in enumerate(all_cases)))
        await gateway.settled()
        rows = gateway.query('SELECT "entityId", "cost", "basis" FROM "api_cost_tracking"')
        for entity, cost, basis in rows:
            case = all_cases[int(entity)]
            # An SDK that cannot read a stream leaves, and pays for what had come.
            if were_read[int(entity)] and Decimal(cost) != Decimal(EXAMPLES[case[0]].cost):
                wrong.append(f"{described(case)}: costs {cost} ({basis})")
        if len(rows) != len(all_cases):
            wrong.append(f"{len(rows)} rows for {len(all_cases)} calls")
        await gateway.stop()
    if wrong:
        raise SoakError(f"{len(wrong)} of {len(all_cases)} streams are not what they are without the gateway:\n" + "\n".join(wrong[:10]))
    print(f"{len(all_cases)} streams of {len(EXAMPLES)} examples, {sum(were_read)} of which the SDKs read to their end\nok")


if __name__ == "__main__":
    asyncio.run(main())
