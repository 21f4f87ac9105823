"""`kill`: kill -9 at random instants under load, at instants of the recovery itself, with torn ends and journals copied elsewhere."""

import asyncio
import contextlib
import os
import random
import shutil

from . import SoakError, books, journal
from .callers import Load
from .gateway import Gateway
from .provider import Provider


async def run(options):
    """All rounds; the report."""
    chance = random.Random(options.seed)
    async with Provider(options.seed) as provider:
        async with Gateway(options.gateway, provider.url, synchronous=options.synchronous) as gateway:
            await gateway.start()
            async with Load(gateway.port, options.seed, options.callers) as load:
                rounds = Rounds(options, chance, provider, gateway, load)
                for number in range(options.times):
                    await rounds.round(number)
                await load.run(0.3)
                table = await books.check("at the end", gateway, load, provider, rounds.may_lose, rounds.lost_holds)
                await gateway.stop()
                return rounds.report(table)


class Rounds:
    def __init__(self, options, chance, provider, gateway, load):
        self.options, self.random, self.provider, self.gateway, self.load = options, chance, provider, gateway, load
        self.may_lose, self.lost_holds = set(), 0
        self.kills, self.torn, self.spoiled, self.copies, self.in_recovery = 0, 0, 0, 0, 0
        self.live_copies, self.left_to_it = 0, 0

    async def round(self, number):
        load, gateway = self.load, self.gateway
        load.is_open.set()
        await asyncio.sleep(self.random.choice([self.random.uniform(0, 0.05), self.random.uniform(0, 0.3), self.random.uniform(0.2, 0.9)]))
        # The first six rounds show each thing once, so that a short run does too.
        trick = number if number < 6 else self.random.randrange(11)
        if trick == 5:
            for _ in range(3):
                await self.replay_live_copy()
        # The instant is not the callers': they go on meanwhile.
        await gateway.kill()
        self.kills += 1
        load.is_open.clear()
        copy = None
        if trick == 1:
            self.torn += journal.tear(gateway.journal, self.random) == "torn"
        elif trick == 2:
            self.spoil()
        elif trick == 3:
            copy = await asyncio.to_thread(self.copy)
        if trick in (0, 4, 6):
            await self.kill_in_recovery()
        await gateway.start()
        await load.idle.wait()
        table = await books.check(f"after kill {number + 1}", gateway, load, self.provider, self.may_lose, self.lost_holds)
        if copy:
            await self.replay(copy, table)

    def spoil(self):
        """Takes the last entry. A settlement's call is charged its estimate then; a hold was of a call that nobody had an answer of."""
        if found := journal.spoil(self.gateway.journal, self.random):
            kind, call = found
            self.spoiled += 1
            if kind == "settled":
                self.may_lose.add(call)
            if kind == "held":
                self.lost_holds += 1

    async def kill_in_recovery(self):
        """Kills the next starts at instants from the first to about that of being ready."""
        usual = self.gateway.starts[-1] if self.gateway.starts else 0.5
        for _ in range(self.random.randint(1, 3)):
            await self.gateway.spawn()
            await asyncio.sleep(self.random.uniform(0, usual))
            await self.gateway.kill()
            self.kills += 1
            self.in_recovery += 1
            if self.random.random() < 0.3:
                self.torn += journal.tear(self.gateway.journal, self.random) == "torn"

    async def replay_live_copy(self):
        """A copy taken of the running gateway's journal, replayed into it: calls in flight look interrupted there, and are not."""
        self.live_copies += 1
        copy = os.path.join(self.gateway.folder, "live-copy")
        os.mkdir(copy)
        for name in sorted(os.listdir(self.gateway.journal)):
            if name.endswith(".journal"):
                with contextlib.suppress(FileNotFoundError):
                    shutil.copy(os.path.join(self.gateway.journal, name), copy)
        code, output, errors = await self.gateway.command("replay", copy)
        expect(code == 0, "a replay of a copy of the running gateway's journal", output, errors)
        self.left_to_it += "in flight" in output
        shutil.rmtree(copy)

    # MARK: A lost machine

    def copy(self):
        """What another machine gets of this one: its journal, and its ledger as it was."""
        self.copies += 1
        folder = os.path.join(self.gateway.folder, f"copy-{self.copies}")
        shutil.copytree(self.gateway.journal, os.path.join(folder, "journal"))
        shutil.copytree(self.gateway.ledger_folder, os.path.join(folder, "ledger"))
        return folder

    async def replay(self, copy, table):
        """The copied journal into the copied ledger, which is then as this one's; into a second gateway that runs; and into this one, where
        everything is there already."""
        lost = await self.replay_with_no_gateway(copy)
        same = {id: (row.cost, row.basis) for id, row in table.items()}
        if {id: (row.cost, row.basis) for id, row in lost.items()} != same:
            raise SoakError(f"a copied journal, replayed into the copied ledger, gives {len(lost)} rows, and others than the {len(same)} here")
        source = os.path.join(copy, "journal")
        async with Gateway(self.options.gateway, self.provider.url, "second") as second:
            await second.start()
            code, output, errors = await second.command("replay", source)
            expect(code == 0, "replay through a running gateway", output, errors)
            found = await books.check("replayed through a second gateway", second, self.load, self.provider, self.may_lose, is_part=True)
            expect(f" {len(found)} new" in output and all(same[id] == (row.cost, row.basis) for id, row in found.items()), "its rows", output, errors)
            code, output, errors = await second.command("replay", source)
            expect(code == 0 and ": 0 new" in output, "a second replay", output, errors)
            await books.check("replayed twice", second, self.load, self.provider, self.may_lose, is_part=True)
            await second.stop()
        code, output, errors = await self.gateway.command("replay", source)
        expect(code == 0 and ": 0 new" in output, "a replay of what is there", output, errors)
        await books.check("after a replay of what is there", self.gateway, self.load, self.provider, self.may_lose, self.lost_holds)
        code, output, errors = await self.gateway.command("replay", self.gateway.journal)
        expect(code == 1 and "in use by process" in errors, "a replay of the running gateway's own journal", output, errors)
        shutil.rmtree(copy)

    async def replay_with_no_gateway(self, copy):
        database = os.path.join(copy, "ledger", "gateway.db")
        config = os.path.join(copy, "config.yaml")
        with open(self.gateway.config, encoding="utf-8") as file:
            text = file.read().replace(self.gateway.database, database).replace(f":{self.gateway.admin_port}", ":1")
        with open(config, "w", encoding="utf-8") as file:
            file.write(text)
        code, output, errors = await self.gateway.command("replay", os.path.join(copy, "journal"), config=config)
        expect(code == 0, "replay into a ledger without a gateway", output, errors)
        return books.rows(self.gateway, database)

    def report(self, table):
        interrupted = sum(row.is_interrupted for row in table.values())
        answers = sum(call.is_whole for call in self.load.calls.values())
        starts = sorted(self.gateway.starts)
        return (
            f"kill: {self.kills} kills, {self.in_recovery} of them in a recovery; {len(self.load.calls)} calls, {answers} answers got whole, "
            f"{len(table)} rows, {interrupted} interrupted; {self.torn} torn ends, {self.spoiled} last entries taken; {self.copies} journals "
            f"copied and replayed elsewhere, {self.live_copies} of the running gateway into itself ({self.left_to_it} with calls in flight); "
            f"ready after {starts[len(starts) // 2]:.2f} s (longest {starts[-1]:.2f} s). Everything agrees."
        )


def expect(holds, what, output, errors):
    if not holds:
        raise SoakError(f"{what} went wrong: {output}{errors[-2000:]}")
