"""`faults`: ledger and journal fail in every way that was thought of, alone and together, under load. Each case is a function.

No call may fail, callers and operators must be told, and when it heals every call must have exactly one row."""

import asyncio
import json
import os
import shutil
import sqlite3
import time
from contextlib import asynccontextmanager, closing

from . import Skipped, SoakError, books, disk
from .callers import Load
from .gateway import Gateway
from .provider import KINDS, Provider

CASES = {}


def case(function):
    CASES[function.__name__.replace("_", "-")] = function
    return function


async def run(options):
    """Every case; the report. One that fails does not keep the others from being run."""
    disk.own_mounts() if disk.can_mount() else None
    bench = Bench(options)
    gate, started = asyncio.Semaphore(options.together), time.monotonic()

    async def one(name):
        async with gate:
            begun = time.monotonic()
            try:
                said = await CASES[name](bench)
            except Skipped as reason:
                return f"  {name}: left out, {reason}", False
            except SoakError as error:
                return f"  {name}: {error}", True
            return f"  {name}: {said} ({time.monotonic() - begun:.0f} s)", False

    try:
        async with Provider(options.seed) as bench.provider:
            found = await asyncio.gather(*(one(name) for name in options.only or CASES))
    finally:
        bench.close()
    lines = "\n".join(line for line, _ in found)
    if any(failed for _, failed in found):
        raise SoakError(f"faults: not all promises hold:\n{lines}")
    return f"faults: {len(found)} cases in {time.monotonic() - started:.0f} s, no call failed, and every one has its row:\n{lines}"


class Bench:
    """What the cases share."""

    def __init__(self, options):
        self.options, self.provider, self._shim = options, None, None
        self.short, self.long = (0.4, 0.8) if options.quick else (1, 3)

    @property
    def shim(self):
        self._shim = self._shim or disk.Shim()
        return self._shim

    def close(self):
        if self._shim:
            self._shim.close()

    @asynccontextmanager
    async def trial(self, faults=None, starts=True, kinds=None, **settings):
        """A gateway, and callers who wait for the word."""
        environment = faults.environment if faults else None
        gateway = Gateway(self.options.gateway, self.provider.url, environment=environment, synchronous=self.options.synchronous, **settings)
        async with gateway:
            if starts:
                await gateway.start()
            async with Load(gateway.port, self.options.seed, self.options.callers, kinds) as load:
                yield Trial(self, gateway, load)


class Trial:
    """One gateway in one case."""

    def __init__(self, bench, gateway, load):
        self.bench, self.gateway, self.load = bench, gateway, load
        self.short, self.long = bench.short, bench.long

    async def call(self, seconds):
        """Calls for so long. None may fail, whatever is going on below."""
        calls = await self.load.run(seconds)
        failed = [call for call in calls if call.status != KINDS[call.kind][2]]
        if failed or not calls:
            raise SoakError(f"{len(failed)} of {len(calls)} calls failed, such as {failed[:2]}{self.gateway.end_of_log()}")
        return calls

    async def told(self, part, phrase):
        """Waits until operators are told that a part fails, and why: /readyz, metrics and the log. Calls go on meanwhile."""
        gateway = self.gateway

        async def is_told():
            _, ready = await gateway.ready()
            return ready[part]["status"] == "failing" and phrase in ready[part]["error"] and ready

        self.load.is_open.set()
        ready = await gateway.until(f"/readyz says that the {part} fails: {phrase}", is_told)
        metrics = await gateway.metrics()
        # It may have healed for a moment between the two questions, which is not what this asks.
        wrong = [
            f"status {ready['status']}" if ready["status"] != "degraded" else None,
            "no since" if not ready[part].get("since") else None,
            f"metric {metrics[f'gateway_{part}_failing']}" if metrics[f"gateway_{part}_failing"] != 1 else None,
        ]
        if any(wrong):
            raise SoakError(f"operators are not told: {[one for one in wrong if one]}, {ready}")

        async def is_logged():
            return any(phrase in line and " error " in line for line in gateway.log.splitlines())

        await gateway.until(f"the log says why the {part} fails: {phrase}", is_logged, 10)

    async def well(self, part=None):
        """Waits until it has healed by itself, and checks that this was told; then all books."""

        async def is_well():
            return (await self.gateway.ready())[1]["status"] == "ready"

        await self.gateway.until("it heals by itself", is_well)
        await self.call(self.short)
        if part:
            words = {"ledger": "the ledger takes records again", "journal": "the journal can be written again"}[part]

            async def is_logged():
                return words in self.gateway.log

            await self.gateway.until(f"the log says that the {part} is well", is_logged, 10)
        return await self.check()

    async def check(self, where="in the end", may_lose=frozenset()):
        table = await books.check(where, self.gateway, self.load, self.bench.provider, may_lose)
        odd = sum(call.kind == "odd" for call in self.load.calls.values())
        unverified = sum(call.is_unverified for call in self.load.calls.values())
        return f"{len(self.load.calls)} calls, {len(table)} rows, {unverified} unverified, {odd} metered by no path"

    async def with_ledger_failing(self, phrase):
        """Calls while the ledger fails: the budgets known in memory bind, and are not unverified."""
        await self.told("ledger", phrase)
        calls = await self.call(self.long)
        if any(call.is_unverified for call in calls):
            raise SoakError("a call is unverified although its budget is known in memory")
        metrics = await self.gateway.metrics()
        if not metrics["gateway_ledger_backlog_records"] or not metrics["gateway_ledger_failing_seconds"]:
            raise SoakError(f"the backlog is not told: {metrics}")

    async def with_journal_failing(self, phrase):
        """Calls while the journal fails: they go through unverified, and say so."""
        before = (await self.gateway.metrics())["gateway_unverified_calls_total"]
        await self.told("journal", phrase)
        calls = await self.call(self.long)
        told = [call for call in calls if not call.is_unverified and not call.headers.get("trailer")]
        metrics = await self.gateway.metrics()
        if told:
            raise SoakError(f"{len(told)} of {len(calls)} callers are not told that their call is unverified, such as {told[0]}")
        if metrics["gateway_unverified_calls_total"] - before < len(calls) or not metrics["gateway_journal_waiting_entries"]:
            raise SoakError(f"unverified calls are not counted: {metrics}")

    async def reads_nothing(self):
        """Whether the ledger cannot be read."""
        status, _ = await self.gateway.admin("GET", "/v1/spend?by=entity")
        return status == 503

    def remember(self, name):
        """A sound copy of the ledger as it is now, as an operator's backup makes it."""
        path = os.path.join(self.gateway.folder, name)
        with closing(sqlite3.connect(self.gateway.database)) as source, closing(sqlite3.connect(path)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")
        return path


# MARK: The ledger


@case
async def ledger_missing_at_start(bench):
    """Its folder is not there: what was spent is not known, and budgets do not bind."""
    async with bench.trial(starts=False) as trial:
        os.rmdir(trial.gateway.ledger_folder)
        await trial.gateway.start()
        calls = await trial.call(trial.short)
        if not all(call.is_unverified for call in calls):
            raise SoakError("a call is verified although nobody knows what was spent")
        await trial.told("ledger", "its folder must be there")
        os.mkdir(trial.gateway.ledger_folder)
        return await trial.well("ledger")


@case
async def ledger_deleted(bench):
    async with bench.trial() as trial:
        await trial.call(trial.short)
        os.remove(trial.gateway.database)
        await trial.call(trial.long)
        return await trial.well()


@case
async def ledger_replaced_by_an_empty_file(bench):
    async with bench.trial() as trial:
        await trial.call(trial.short)
        empty = os.path.join(trial.gateway.folder, "empty")
        with open(empty, "wb"):
            pass
        os.rename(empty, trial.gateway.database)
        await trial.call(trial.long)
        return await trial.well()


@case
async def ledger_replaced_by_an_older_copy(bench):
    async with bench.trial() as trial:
        await trial.call(trial.short)
        await trial.gateway.settled()
        copy = trial.remember("copy.db")
        await trial.call(trial.long)
        os.rename(copy, trial.gateway.database)
        await trial.call(trial.long)
        return await trial.well()


@case
async def ledger_replaced_by_something_else(bench):
    """Moved away, another file in its place, and moved back."""
    async with bench.trial() as trial:
        await trial.call(trial.short)
        kept = os.path.join(trial.gateway.folder, "kept.db")
        os.rename(trial.gateway.database, kept)
        with open(trial.gateway.database, "w", encoding="utf-8") as file:
            file.write("This is no database. " * 1000)
        await trial.with_ledger_failing("no SQLite database")
        os.rename(kept, trial.gateway.database)
        return await trial.well("ledger")


@case
async def ledger_of_another_program(bench):
    async with bench.trial() as trial:
        await trial.call(trial.short)
        other = os.path.join(trial.gateway.folder, "other.db")
        with closing(sqlite3.connect(other)) as database:
            database.execute("CREATE TABLE customers (id TEXT)")
        os.rename(other, trial.gateway.database)
        await trial.with_ledger_failing("another program's database (it has customers)")
        os.remove(trial.gateway.database)
        return await trial.well("ledger")


@case
async def ledger_locked(bench):
    """Another program holds it for longer than the gateway waits at a time."""
    async with bench.trial() as trial:
        await trial.call(trial.short)
        with closing(sqlite3.connect(trial.gateway.database, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            await trial.with_ledger_failing("locked by another program")
            other.execute("ROLLBACK")
        return await trial.well("ledger")


@case
async def ledger_read_only_at_start(bench):
    if not disk.can_mount():
        raise Skipped("it needs root to mount a disk")
    async with bench.trial(starts=False) as trial:
        with disk.Disk(trial.gateway.ledger_folder) as mounted:
            mounted.read_only(True)
            await trial.gateway.start()
            await trial.told("ledger", "Read-only file system); its folder must be there and be writable")
            await trial.call(trial.long)
            mounted.read_only(False)
            said = await trial.well("ledger")
            await trial.gateway.stop()
            return said


@case
async def ledger_turns_read_only(bench):
    """As a disk does on which the kernel has seen errors."""
    faults = bench.shim.faults()
    async with bench.trial(faults) as trial:
        await trial.call(trial.short)
        faults.set(f"EROFS {trial.gateway.ledger_folder}")
        await trial.with_ledger_failing(trial.gateway.database)
        faults.set()
        return await trial.well("ledger")


@case
async def ledger_disk_errors(bench):
    faults = bench.shim.faults()
    async with bench.trial(faults) as trial:
        await trial.call(trial.short)
        faults.set(f"EIO {trial.gateway.ledger_folder}")
        await trial.with_ledger_failing(trial.gateway.database)
        faults.set()
        return await trial.well("ledger")


@case
async def ledger_disk_full(bench):
    """A small disk that is really full."""
    if not disk.can_mount():
        raise Skipped("it needs root to mount a disk")
    async with bench.trial(starts=False) as trial:
        with disk.Disk(trial.gateway.ledger_folder, "24m") as mounted:
            await trial.gateway.start()
            await trial.call(trial.short)
            mounted.fill()
            await trial.with_ledger_failing("disk")
            mounted.free()
            said = await trial.well("ledger")
            await trial.gateway.stop()
            return said


@case
async def ledger_slow(bench):
    """Every write takes its time for ten seconds: no error comes, and operators are told that it is behind."""
    faults = bench.shim.faults()
    async with bench.trial(faults) as trial:
        gateway = trial.gateway
        await trial.call(trial.short)
        faults.set(f"1500 {gateway.ledger_folder}")
        started = time.monotonic()
        trial.load.is_open.set()

        async def is_behind():
            _, ready = await gateway.ready()
            return ready["ledger"]["status"] == "behind" and ready["backlog"]["since"] and ready["status"] == "degraded"

        await gateway.until("/readyz says that the ledger is behind", is_behind)
        calls = await trial.call(max(trial.short, 0 if bench.options.quick else 10 - (time.monotonic() - started)))
        if any(call.is_unverified for call in calls):
            raise SoakError("a call is unverified although its budget is known in memory")
        if (await gateway.metrics())["gateway_ledger_backlog_seconds"] < 5:
            raise SoakError("the age of the backlog is not told")
        faults.set()
        return await trial.well()


# MARK: A corrupt ledger. The gateway never repairs or removes it: it goes on, says what to do, and heals when that is done.


async def corrupted(trial):
    """A ledger whose pages have been written over while the gateway was killed, so that no page is remembered."""
    gateway = trial.gateway
    await trial.call(trial.short)
    await gateway.settled()
    copy = trial.remember("backup.db")
    await trial.call(trial.short)
    await gateway.settled()
    # In good order, so that nothing waits in the log ahead of the file.
    await gateway.stop()
    size = os.path.getsize(gateway.database)
    with open(gateway.database, "r+b") as file:
        for place in range(4096, size, 4096):
            file.seek(place + 8)
            file.write(b"\xa5" * 1000)
    await gateway.start()
    await trial.told("ledger", "is damaged or no SQLite database")
    await trial.call(trial.long)
    return copy


@case
async def ledger_corrupt_and_restored(bench):
    async with bench.trial() as trial:
        copy = await corrupted(trial)
        os.rename(copy, trial.gateway.database)
        # What the ledger had beyond its copy is in no journal any more if its segments are gone; here they are not.
        return await trial.well("ledger")


@case
async def ledger_corrupt_and_moved_away(bench):
    """The new ledger has what the journal still has; the rest is in the file that was moved away."""
    async with bench.trial() as trial:
        await corrupted(trial)
        known = set(trial.load.calls)
        os.rename(trial.gateway.database, trial.gateway.database + ".damaged")

        async def is_well():
            return (await trial.gateway.ready())[1]["status"] == "ready"

        await trial.gateway.until("it heals by itself", is_well)
        await trial.call(trial.short)
        await trial.gateway.settled()
        rows = {row.call for row in books.rows(trial.gateway).values()}
        missing = [name for name in trial.load.calls if name not in known and name not in rows]
        if missing:
            raise SoakError(f"{len(missing)} calls made since then have no row")
        return f"{len(trial.load.calls)} calls, {len(rows)} rows in the new ledger"


@case
async def ledger_overwritten_in_use(bench):
    """The whole file is written over while it is open, and its log is cut to nothing."""
    async with bench.trial() as trial:
        await trial.call(trial.short)
        await trial.gateway.settled()
        copy = trial.remember("backup.db")
        size = os.path.getsize(trial.gateway.database)
        with open(trial.gateway.database, "r+b") as file:
            file.write(b"\xa5" * size)
        os.truncate(trial.gateway.database + "-wal", 0)
        # What is written is still known to the writer; whoever reads finds it.
        await trial.gateway.until("a reader meets the damage", lambda: trial.reads_nothing())
        await trial.told("ledger", "is damaged or no SQLite database")
        await trial.call(trial.long)
        os.rename(copy, trial.gateway.database)
        return await trial.well("ledger")


# MARK: The journal


async def with_failing_journal(bench, mode, phrase, **settings):
    faults = bench.shim.faults()
    async with bench.trial(faults, **settings) as trial:
        await trial.call(trial.short)
        faults.set(f"{mode} {trial.gateway.journal}")
        await trial.with_journal_failing(phrase)
        faults.set()
        return await trial.well("journal")


@case
async def journal_turns_read_only(bench):
    return await with_failing_journal(bench, "EROFS", "Read-only file system")


@case
async def journal_disk_errors(bench):
    return await with_failing_journal(bench, "EIO", "Input/output error")


@case
async def journal_disk_full(bench):
    """A small disk that is really full."""
    if not disk.can_mount():
        raise Skipped("it needs root to mount a disk")
    async with bench.trial(starts=False) as trial:
        with disk.Disk(trial.gateway.journal) as mounted:
            await trial.gateway.start()
            await trial.call(trial.short)
            mounted.fill()
            await trial.with_journal_failing("No space left on device")
            mounted.free()
            said = await trial.well("journal")
            await trial.gateway.stop()
            return said


@case
async def journal_full_or_read_only_at_start(bench):
    """A restart must not make of a full disk an outage."""
    faults = bench.shim.faults()
    async with bench.trial(faults) as trial:
        await trial.call(trial.short)
        for mode in ("ENOSPC", "EROFS"):
            await trial.gateway.settled()
            await trial.gateway.kill()
            faults.set(f"{mode} {trial.gateway.journal}")
            await trial.gateway.start()
            await trial.with_journal_failing("cannot be written")
            faults.set()
            await trial.well("journal")
        return await trial.well("journal")


@case
async def journal_deleted(bench):
    async with bench.trial() as trial:
        await trial.call(trial.short)
        shutil.rmtree(trial.gateway.journal)
        await trial.call(trial.long)
        return await trial.well()


@case
async def log_cannot_be_written_either(bench):
    """Standard error is a pipe that nobody reads any more: the replayable lines go nowhere, and the process goes on."""
    faults = bench.shim.faults()
    async with bench.trial(faults, starts=False) as trial:
        reading, writing = os.pipe()
        await trial.gateway.start(writing)
        os.close(writing)
        os.close(reading)
        await trial.call(trial.short)
        faults.set(f"ENOSPC {trial.gateway.journal}")
        await trial.call(trial.long)
        faults.set()
        return await trial.well()


# MARK: Both


@case
async def ledger_and_journal_full(bench):
    """All waits in memory and heals by itself; the lines on standard error, replayed all the same, change nothing."""
    faults = bench.shim.faults()
    async with bench.trial(faults) as trial:
        gateway = trial.gateway
        await trial.call(trial.short)
        faults.set(f"ENOSPC {gateway.ledger_folder}", f"ENOSPC {gateway.journal}")
        await trial.with_journal_failing("No space left on device")
        faults.set()
        said = await trial.well("journal")
        lines = gateway.log.count("gateway-replay/1 ")
        code, output, errors = await gateway.command("replay", gateway.log_path)
        if code != 0 or ": 0 new" not in output or not lines:
            raise SoakError(f"a replay of {lines} lines that are there already: {output}{errors}")
        await trial.check("after a replay")
        return said


@case
async def ledger_and_journal_full_and_killed(bench):
    """What was in memory alone is gone; the log has it, and damaged lines of it are told."""
    faults = bench.shim.faults()
    async with bench.trial(faults) as trial:
        gateway = trial.gateway
        await trial.call(trial.short)
        faults.set(f"ENOSPC {gateway.ledger_folder}", f"ENOSPC {gateway.journal}")
        await trial.with_journal_failing("No space left on device")
        await gateway.kill()
        log = os.path.join(gateway.folder, "saved.log")
        with open(log, "w", encoding="utf-8") as file:
            lines = gateway.log.splitlines()
            file.write("\n".join(f"Nov 25 12:00:00 host gateway[7]: {line}" for line in lines) + "\n")
        faults.set()
        await gateway.start()
        code, output, errors = await gateway.command("replay", log)
        if code != 0 or " 0 new" in output:
            raise SoakError(f"replay: {output}{errors}")
        await trial.check("after the replay")
        damaged = next(index for index, line in enumerate(lines) if "gateway-replay/1" in line)
        with open(log, "w", encoding="utf-8") as file:
            file.write("\n".join(line[:-40] if index == damaged else line for index, line in enumerate(lines)) + "\n")
        code, output, errors = await gateway.command("replay", log)
        if code != 1 or "1 unreadable" not in output or f"saved.log:{damaged + 1}: " not in errors or ": 0 new" not in output:
            raise SoakError(f"replay of a damaged line {damaged + 1}: {output}{errors}")
        return await trial.well()


# MARK: Closed


async def closed(bench, part, phrase):
    """With `on_tracker_error: closed` nothing is forwarded that cannot be tracked, and the gateway is not ready."""
    faults = bench.shim.faults()
    async with bench.trial(faults, policy="closed") as trial:
        gateway, provider = trial.gateway, bench.provider
        await trial.call(trial.short)
        faults.set(f"EROFS {gateway.ledger_folder if part == 'ledger' else gateway.journal}")
        trial.load.is_open.set()

        async def is_told():
            status, ready = await gateway.ready()
            return status == 503 and ready["status"] == "unready" and ready[part]["status"] == "failing" and phrase in ready[part]["error"]

        await gateway.until("/readyz is 503 and says why", is_told)
        await trial.load.run(0.1)
        calls = await trial.load.run(trial.short)
        for call in calls:
            if call.status != 503 or json.loads(call.body)["code"] != "tracker_unavailable" or call.headers["x-gateway-cost"] != "0.00":
                raise SoakError(f"not refused: {call}")
            if call.name in provider.seen:
                raise SoakError(f"forwarded, although it was refused: {call}")
        faults.set()
        return f"{len(calls)} calls refused; {await trial.well(part)}"


@case
async def closed_and_the_ledger_fails(bench):
    return await closed(bench, "ledger", "gateway.db")


@case
async def closed_and_the_journal_fails(bench):
    return await closed(bench, "journal", "Read-only file system")


# MARK: Metering


@case
async def bodies_that_no_path_fits(bench):
    """They are charged their estimate, counted, and their rows say why; the books' check looks at each."""
    async with bench.trial(kinds=["odd"]) as trial:
        odd = await trial.call(trial.long)
        if any(call.headers["x-gateway-cost-basis"] != "estimate" for call in odd):
            raise SoakError("a body that no path fits is not charged its estimate")
        counted = (await trial.gateway.metrics())["gateway_metering_problems_total"]
        if counted != len(odd):
            raise SoakError(f"{counted} metering problems are counted, of {len(odd)}")
        return await trial.check()
