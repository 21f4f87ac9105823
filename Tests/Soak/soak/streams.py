"""`streams`: thousands of event streams at once, an event a second each. No event is late, each stream takes little memory, and each is charged as
reported. The same streams are read without a gateway first: what comes late there is the machine's and this program's own."""

import asyncio
import json
import os
import resource
import sys
import time

from . import SoakError, Skipped, examples
from .gateway import FOLDER, Gateway
from .memory import Process

COST = "0.00003765"  # 11 and 60 tokens of gpt-4o-mini
OTHER_FILES = 200


class Program:
    """A part of the crowd: a process of its own."""

    def __init__(self, role, *arguments):
        self.arguments = [role, *map(str, arguments)]

    async def __aenter__(self):
        self.child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "soak.crowd", *self.arguments, cwd=FOLDER, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            env=dict(os.environ) | {"PYTHONDONTWRITEBYTECODE": "1"})  # fmt: skip
        return self

    async def __aexit__(self, *_):
        if self.child.returncode is None:
            self.child.kill()
            await self.child.wait()

    async def line(self):
        line = await self.child.stdout.readline()
        if not line:
            raise SoakError(f"{' '.join(self.arguments)} has ended with exit code {await self.child.wait()}")
        return line.decode().strip()

    async def until(self, word):
        """Waits for a line that says how far it is."""
        if (line := await self.line()) != word:
            raise SoakError(f"{' '.join(self.arguments)}: {line}")

    async def end(self):
        """Ends what it does, and returns its report."""
        self.child.stdin.close()
        return json.loads(await self.line())


async def crowd(port, path, streams, seconds, provider, while_open=None):
    """Streams read for so long: what the callers have seen, and what was found just before they end."""
    async with Program("callers", "--port", port, "--path", path, "--streams", streams, "--seconds", seconds) as callers:
        await callers.until("open")
        before = while_open and while_open()
        await callers.until("seen")
        found = while_open and (before, while_open())
        sent = await provider.end()
        seen = json.loads(await callers.line())
    if seen["troubles"] or seen["whole"] != streams or seen["events"] != sent["events"]:
        raise SoakError(f"of {streams} streams {seen['whole']} came whole, of {sent['events']} events {seen['events']}: {seen['troubles']}")
    return seen["samples"], found


def text(samples):
    return f"{samples['p50']:.1f} ms late at the median, {samples['p99']:.1f} at the 99th percentile and {samples['max']:.0f} at the most"


async def run(options):
    allow_files(2 * options.streams + OTHER_FILES)
    async with Program("provider", "--interval", 1) as provider:
        direct, _ = await crowd(int(await provider.line()), "/v1/chat/completions", options.streams, min(options.seconds, 20), provider)
    async with Program("provider", "--interval", 1) as provider:
        port = int(await provider.line())
        limits = {"connections": options.streams + OTHER_FILES}
        async with Gateway(options.gateway, f"http://127.0.0.1:{port}", limits=limits) as gateway:
            gateway.configuration |= {"plugins": examples.PLUGINS, "providers": {"openai": {"url": f"http://127.0.0.1:{port}"}}}
            gateway.configure()
            gateway.environment |= examples.keys()
            await gateway.start()
            process = Process(gateway.child.pid, port)
            at_first = process.memory

            def measure():
                return process.memory, process.cpu, time.monotonic()

            samples, ((_, cpu, start), (memory, cpu_later, end)) = await crowd(
                gateway.port, "/openai/v1/chat/completions", options.streams, options.seconds, provider, measure)
            await gateway.settled()
            each = (memory - at_first) / options.streams
            rows = gateway.query('SELECT "cost", "basis", count(*) FROM "api_cost_tracking" GROUP BY 1, 2')
            await gateway.stop()
    report = (
        f"streams: {options.streams} at once, {samples['late']['count']} events in {options.seconds:g} s: through the gateway "
        f"{text(samples['late'])}, without it {text(direct['late'])}; {each / 1000:.1f} KB a stream; "
        f"{(cpu_later - cpu) / (end - start):.0%} of a core."
    )
    if rows != [(COST, "table", options.streams)]:
        raise SoakError(f"the rows are {rows}, and {options.streams} at {COST} were to be expected. {report}")
    if options.latest and samples["late"]["p99"] > options.latest:
        raise SoakError(f"events are more than {options.latest:g} ms late. {report}")
    if options.memory and each > options.memory * 1000:
        raise SoakError(f"a stream takes more than {options.memory:g} KB. {report}")
    return report


def allow_files(count):
    """Lets this process and those it starts open so many files."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise Skipped(f"{count} files are needed, and this process may open {hard} (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
