"""`memory`: many calls with bodies of up to 5 MB both ways, slow readers among them, and thousands of idle connections. Memory stays small
and flat; file descriptors and threads are in the end what they were."""

import asyncio
import os
import random

from . import SoakError
from .callers import Call, exchange
from .gateway import Gateway
from .provider import TOKEN, Provider

LARGEST = 5_000_000
LIMIT = 150 << 20
# From here on memory must not grow: a tenth of the calls, of every size, and a thousand at least.
WARM = 0.1
WARM_AT_LEAST = 1000
# Workers of the runtime's pools come and go by themselves.
SPARE_THREADS = 4
PAUSES = 0.004


class Bodies(Provider):
    """Answers as long as the call's name says: `SIZE-NUMBER`."""

    piece = b"x" * 65_536

    async def pause(self):
        await asyncio.sleep(self.random.uniform(0, PAUSES))

    async def respond(self, call, writer):
        size = int(call.split("-")[0])
        head, tail = b'{"text":"', b'","usage":{"tokens":7}}'
        rest = max(0, size - len(head) - len(tail))
        length = len(head) + rest + len(tail)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (length, head))
        while rest > 0:
            writer.write(self.piece[:rest])
            rest -= len(self.piece)
            await writer.drain()
        writer.write(tail)
        await writer.drain()
        self.costs[call] = 7 * TOKEN
        return True

    fixed = metered = large = respond


class Sizes:
    """Nine of ten bodies are small, one of a hundred is up to 5 MB."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def one(self):
        share = self.random.random()
        largest = 16_000 if share < 0.9 else 256_000 if share < 0.99 else LARGEST
        return self.random.randint(100, largest)


class Process:
    """What the kernel says about a process."""

    def __init__(self, pid, provider_port):
        self.pid, self.provider_port = pid, provider_port

    def status(self, name):
        with open(f"/proc/{self.pid}/status", encoding="utf-8") as file:
            return int(next(line for line in file if line.startswith(name + ":")).split()[1])

    @property
    def memory(self):
        return self.status("VmRSS") << 10

    @property
    def peak(self):
        return self.status("VmHWM") << 10

    @property
    def threads(self):
        return self.status("Threads")

    @property
    def cpu(self):
        """User and system time so far, in seconds."""
        with open(f"/proc/{self.pid}/stat", encoding="utf-8") as file:
            user, system = file.read().rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def descriptors(self):
        """How many files are open, kept connections to the provider apart from the others."""
        with open("/proc/net/tcp", encoding="utf-8") as file:
            lines = [line.split() for line in file][1:]
        upstream = {f"socket:[{line[9]}]" for line in lines if int(line[2].split(":")[1], 16) == self.provider_port}
        links = []
        for name in os.listdir(f"/proc/{self.pid}/fd"):
            try:
                links.append(os.readlink(f"/proc/{self.pid}/fd/{name}"))
            except FileNotFoundError:
                pass  # Closed meanwhile.
        kept = sum(link in upstream for link in links)
        return len(links) - kept, kept

    async def at_rest(self):
        """The open files but for kept connections, once their number stays the same: what callers have left is closed."""
        before, same = None, 0
        while same < 3:
            now, _ = self.descriptors()
            before, same = now, same + 1 if now == before else 0
            await asyncio.sleep(0.1)
        return before


class Crowd:
    """The callers: most as fast as they can, some that read slowly."""

    def __init__(self, gateway, seed, calls, callers, slow):
        self.gateway, self.sizes, self.left = gateway, Sizes(seed), calls
        self.callers, self.slow, self.done, self.bytes = callers, slow, 0, 0

    async def run(self, calls):
        """So many calls."""
        self.left = calls
        await asyncio.gather(*(self.call_on(number < self.slow) for number in range(self.callers)))

    async def call_on(self, is_slow):
        # A slow reader takes little from the kernel at a time, so that the gateway has to wait for it.
        limit = {"limit": 8192} if is_slow else {}
        reader, writer = await asyncio.open_connection("127.0.0.1", self.gateway.port, **limit)
        while self.left > 0:
            self.left -= 1
            # One after the other finishes: none is left with its slow readers alone.
            await self.call(reader, writer, is_slow)
            self.done += 1
        writer.close()

    async def call(self, reader, writer, is_slow):
        kind = self.sizes.random.choice(["fixed", "metered", "large"])
        size = self.sizes.one()
        name = f"{size}-{self.done}"
        headers = {"X-Workspace-Id": "alpha"}
        if is_slow:
            await self.read_slowly(reader, writer, kind if kind != "metered" else "fixed", name, size)
            return
        body = None
        if kind == "metered":
            body = b'{"max_tokens":4000,"text":"' + b"y" * self.sizes.one() + b'"}'
        call = Call(name, kind, "alpha", None)
        call.status, call.headers, call.body = await exchange(reader, writer, "POST" if body else "GET", f"/soak/v1/{kind}/{name}", headers, body)
        if call.status != 200 or len(call.body) < size - 40:
            raise SoakError(f"a call failed: {call} ({len(call.body)} of {size} bytes){self.gateway.end_of_log()}")
        self.bytes += len(call.body) + len(body or b"")

    async def read_slowly(self, reader, writer, kind, name, size):
        writer.write(f"GET /soak/v1/{kind}/{name} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Workspace-Id: alpha\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        if " 200 " not in head.split("\r\n")[0]:
            raise SoakError(f"a slow reader's call failed: {head}")
        length = int(head.split("content-length:")[1].split("\r\n")[0])
        # About two seconds for the largest.
        piece, read = max(4096, length // 200), 0
        while read < length:
            read += len(await reader.read(min(piece, length - read)))
            await asyncio.sleep(0.01)
        self.bytes += read


async def run(options):
    """All calls; the report."""
    async with Bodies(options.seed) as provider, Gateway(options.gateway, provider.url, limits={"idle_timeout": "30m"}) as gateway:
        await gateway.start()
        crowd = Crowd(gateway, options.seed, options.calls, options.callers, max(1, options.callers // 4))
        # Once, so that threads, pools and caches are there.
        await crowd.run(max(200, options.calls // 100))
        await gateway.settled()
        process = Process(gateway.child.pid, provider.port)
        threads, open_before = process.threads, await process.at_rest()

        idle = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(options.idle)]
        samples = []
        sampling = asyncio.create_task(sample(process, samples))
        first = max(int(options.calls * WARM), WARM_AT_LEAST)
        await crowd.run(first)
        warm = len(samples)
        await crowd.run(options.calls - first)
        sampling.cancel()
        with_idle = await process.at_rest()
        for _, writer in idle:
            writer.close()

        async def is_as_before():
            return process.descriptors()[0] <= open_before and process.threads <= threads + SPARE_THREADS

        await gateway.until(f"descriptors and threads are {open_before} and about {threads} again", is_as_before)
        await gateway.settled()
        _, kept = process.descriptors()
        peak, (early, late) = process.peak, flatness(samples, warm)
        report = (
            f"memory: {crowd.done} calls and {crowd.bytes / 1e9:.1f} GB of bodies from {options.callers} callers, {crowd.slow} of them slow, beside "
            f"{with_idle - open_before} idle connections: resident at most {peak / 1e6:.0f} MB; {early / 1e6:.0f} MB in the first part, "
            f"{late / 1e6:.0f} MB in the last; {open_before} descriptors and {threads} threads before and after, {kept} kept to the provider."
        )
        if with_idle - open_before < options.idle:
            raise SoakError(f"only {with_idle - open_before} idle connections stayed open. {report}")
        if peak > LIMIT:
            raise SoakError(f"more than {LIMIT >> 20} MiB were resident. {report}")
        if late > early * 1.25:
            raise SoakError(f"memory grows. {report}")
        # Each of the gateway's threads, one a core, has connections of its own.
        if kept > options.callers * (os.cpu_count() or 1):
            raise SoakError(f"more connections to the provider are kept than there were calls at once. {report}")
        await gateway.stop()
        return report


async def sample(process, samples):
    while True:
        samples.append(process.memory)
        await asyncio.sleep(0.1)


def flatness(samples, warm):
    """The median of memory in the first third after the warm-up, and in the last third."""
    rest = samples[warm:]
    third = max(1, len(rest) // 3)
    return tuple(sorted(part)[len(part) // 2] for part in (rest[:third], rest[-third:]))
