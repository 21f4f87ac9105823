"""`soak`: for an hour, or as long as you like, mixed calls with all that can happen to a gateway: kills, restarts, reloads, faults of the
ledger's and the journal's disks, one after the other and at random. At the end a report, or where the books disagree."""

import asyncio
import os
import random
import shutil
import sqlite3
import time
from collections import Counter
from contextlib import closing

from . import Skipped, SoakError, books, disk, saving
from .callers import Load
from .gateway import FOLDER, Gateway
from .provider import KINDS, Provider

PAUSE = 2


async def run(options):
    """Episodes until the time is over; the report."""
    deadline = time.monotonic() + options.minutes * 60
    try:
        shim = disk.Shim()
    except Skipped as reason:
        shim, without = None, str(reason)
    async with Provider(options.seed) as provider:
        faults = shim.faults() if shim else None
        environment = faults.environment if faults else None
        async with Gateway(options.gateway, provider.url, synchronous=options.synchronous, environment=environment) as gateway:
            soak = Soak(options, provider, gateway, faults)
            await gateway.start()
            async with Load(gateway.port, options.seed, options.callers) as load:
                soak.load = load
                while time.monotonic() < deadline:
                    await soak.episode()
                report = await soak.end()
            await gateway.stop()
    if shim:
        shim.close()
    else:
        report += f" Without failing disks: {without}."
    return report


class Soak:
    def __init__(self, options, provider, gateway, faults):
        self.random, self.provider, self.gateway, self.faults = random.Random(options.seed), provider, gateway, faults
        self.load, self.done, self.memory, self.started = None, Counter(), 0, time.monotonic()
        self.plugin = os.path.join(gateway.own_plugins(), "soak.yaml")
        shutil.copy(os.path.join(FOLDER, "plugins", "soak.yaml"), self.plugin)
        with open(self.plugin, encoding="utf-8") as file:
            self.text = file.read()
        self.episodes = [self.kill, self.kill, self.restart, self.reload, self.wrong_reload, self.locked]
        if faults:
            self.episodes += [self.failing_ledger, self.failing_journal, self.failing_both, self.slow_ledger]

    async def episode(self):
        self.load.is_open.set()
        await asyncio.sleep(self.random.uniform(0, PAUSE))
        episode = self.random.choice(self.episodes)
        self.done[episode.__name__.replace("_", " ")] += 1
        await episode()
        self.look()
        if sum(self.done.values()) % 10 == 0:
            await self.check(f"after {sum(self.done.values())} episodes")

    def look(self):
        with open(f"/proc/{self.gateway.child.pid}/status", encoding="utf-8") as file:
            peak = next(int(line.split()[1]) << 10 for line in file if line.startswith("VmHWM:"))
        self.memory = max(self.memory, peak)

    async def check(self, where):
        """All books, with no call in flight."""
        while books.is_near_midnight():
            await asyncio.sleep(5)
        self.load.is_open.clear()
        await self.load.idle.wait()
        # Nothing but a kill or a restart may cost a caller its answer.
        return await books.check(where, self.gateway, self.load, self.provider)

    # MARK: What happens

    async def kill(self):
        self.look()
        await self.gateway.kill()
        await self.gateway.start()

    async def restart(self):
        self.look()
        await self.gateway.stop()
        await self.gateway.start()

    async def reload(self):
        title = f"Soak provider {self.random.random()}"
        await saving.save(self.plugin, self.text.replace("title: Soak provider", f"title: {title}"), self.random)

        async def is_live():
            _, body = await self.gateway.admin("GET", "/v1/config")
            return title.encode() in body

        await self.gateway.until("a saved file is live", is_live)

    async def wrong_reload(self):
        await saving.save(self.plugin, saving.FAULTS[self.random.choice(list(saving.FAULTS))](self.text), self.random)
        await asyncio.sleep(self.random.uniform(0, 1))
        await self.calls()
        await self.reload()

    async def calls(self):
        """No call fails now."""
        before = set(self.load.calls)
        self.load.is_open.set()
        await asyncio.sleep(self.random.uniform(0.2, 2))
        self.load.is_open.clear()
        await self.load.idle.wait()
        made = [call for name, call in self.load.calls.items() if name not in before]
        failed = [call for call in made if call.status != KINDS[call.kind][2]]
        if failed:
            raise SoakError(f"{len(failed)} of {len(made)} calls failed, such as {failed[0]}{self.gateway.end_of_log()}")

    async def locked(self):
        with closing(sqlite3.connect(self.gateway.database, isolation_level=None, timeout=20)) as other:
            other.execute("BEGIN EXCLUSIVE")
            await self.calls()
            other.execute("ROLLBACK")

    async def failing(self, *lines):
        # Those that began before are whole first: what is counted now was made now.
        self.load.is_open.clear()
        await self.load.idle.wait()
        self.faults.set(*lines)
        await self.calls()
        self.faults.set()

        async def is_well():
            return (await self.gateway.ready())[1]["status"] == "ready"

        await self.gateway.until("it heals by itself", is_well)

    async def failing_ledger(self):
        await self.failing(f"{self.random.choice(['EIO', 'ENOSPC', 'EROFS'])} {self.gateway.ledger_folder}")

    async def failing_journal(self):
        await self.failing(f"{self.random.choice(['EIO', 'ENOSPC', 'EROFS'])} {self.gateway.journal}")

    async def failing_both(self):
        await self.failing(f"ENOSPC {self.gateway.ledger_folder}", f"ENOSPC {self.gateway.journal}")

    async def slow_ledger(self):
        await self.failing(f"{self.random.randint(100, 1000)} {self.gateway.ledger_folder}")

    # MARK: The report

    async def end(self):
        table = await self.check("at the end")
        self.look()
        answers = sum(call.is_whole for call in self.load.calls.values())
        unverified = sum(call.is_unverified for call in self.load.calls.values())
        interrupted = sum(row.is_interrupted for row in table.values())
        held = (await self.gateway.metrics())["gateway_held_dollars"]
        episodes = ", ".join(f"{count} × {name}" for name, count in self.done.most_common())
        return (
            f"soak: {(time.monotonic() - self.started) / 60:.1f} minutes; {episodes}. {len(self.load.calls)} calls, {answers} answers got whole, "
            f"{unverified} of them unverified; {len(table)} rows, {interrupted} interrupted; held ${held:g}; resident at most "
            f"{self.memory / 1e6:.0f} MB. No disagreement."
        )
