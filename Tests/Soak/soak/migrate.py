"""`migrate`: a database of the schema note's old state is brought to the gateway's schema while its application goes on; once without a
disturbance, and once killed at random points and run again."""

import asyncio
import contextlib
import difflib
import os
import random
import re
import signal
import time

import postgres

from . import SoakError
from .application import NAME, Application, Lost, Session

COSTS = 20_000
# The server logs each wait for a lock that is longer than this, in seconds.
LONGEST_WAIT = 1
SETTINGS = {
    "fsync": "off", "shared_buffers": "512MB", "max_wal_size": "4GB", "maintenance_work_mem": "256MB", "log_lock_waits": "on",
    "deadlock_timeout": f"{LONGEST_WAIT}s", "log_line_prefix": "%n %p [%a] [%d] ", "log_autovacuum_min_duration": 0,
}  # fmt: skip
WAIT = rf"^([\d.]+) \d+ \[{NAME}\] \[(\w+)\] LOG:  process \d+ still waiting for (.*) after ([\d.]+) ms"
MIGRATION = "application_name LIKE 'gateway % migrates'"
PATIENCE = 120
# How late this program may read what has been announced, in seconds.
READING = 0.2

RECORDED = 'SELECT "number", "name", "checksum" FROM "gateway_migrations" ORDER BY 1'
# What the application writes itself is not counted for it.
SUMS = """
    WITH rows AS (
        SELECT "workspaceId", "apiProvider", coalesce("operation", ''), coalesce("userId", ''), date_trunc('day', "createdAt") AT TIME ZONE 'UTC',
            count(*), sum("cost") * 1000000000, sum("tokensUsed")
        FROM "api_cost_tracking" WHERE "workspaceId" <> 'app' GROUP BY 1, 2, 3, 4, 5
    ), sums AS (
        SELECT "workspaceId", "apiProvider", "operation", "userId", "day", "calls", "costNanos", "tokens"
        FROM "cost_rollups" WHERE "workspaceId" <> 'app'
    ) (TABLE rows EXCEPT ALL TABLE sums) UNION ALL (TABLE sums EXCEPT ALL TABLE rows)
    """


async def run(options):
    """Both runs; the report."""
    with postgres.Server(**SETTINGS) as server:
        soak = Soak(options, server)
        await asyncio.to_thread(soak.prepare)
        await soak.whole()
        await soak.killed()
        return await asyncio.to_thread(soak.report)


class Migration:
    """One `gateway migrate`: its lines with their times, and when it announced that it writes a table anew."""

    def __init__(self, executable, server, database):
        self.executable, self.server, self.database = executable, server, database
        self.lines, self.rewrites, self.child, self.reading = [], [], None, None

    async def start(self):
        self.child = await asyncio.create_subprocess_exec(
            self.executable, "migrate", "--ledger", self.server.url(self.database), stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)  # fmt: skip
        self.reading = asyncio.create_task(self.read())

    async def read(self):
        rewriting = None
        while line := (await self.child.stdout.readline()).decode().rstrip("\n"):
            self.lines.append((time.time(), line))
            if rewriting:
                rewriting[2] = time.time()
            rewriting = None
            if match := re.match(r'  writing "(\w+)" anew', line):
                rewriting = [match[1], time.time(), None]
                self.rewrites.append(rewriting)

    async def end(self):
        """Waits for its end: exit code and errors."""
        await self.reading
        errors = (await self.child.stderr.read()).decode()
        return await self.child.wait(), errors

    async def succeed(self):
        await self.start()
        code, errors = await self.end()
        if code != 0:
            raise SoakError(f"migrate ended with exit code {code}: {errors}{self.said()}")
        return self

    def said(self):
        return "".join(f"\n    {line[:200]}" for _, line in self.lines)

    def steps(self):
        """(SQL, seconds) of each step."""
        found = []
        for _, line in self.lines:
            if match := re.fullmatch(r"  (\S.*)  (\d+) (ms|s)", line):
                found.append((match[1], int(match[2]) / (1000 if match[3] == "ms" else 1)))
        return found

    @property
    def seconds(self):
        return self.lines[-1][0] - self.lines[0][0]


def say(line):
    print(line, flush=True)


class Soak:
    def __init__(self, options, server):
        self.options, self.server, self.random = options, server, random.Random(options.seed)
        self.applications, self.migrations, self.kills = {}, {"whole": [], "killed": []}, []

    def prepare(self):
        """The old state, twice."""
        started = time.monotonic()
        self.server.database("whole")
        self.server.script("application.sql", "whole", people=self.options.people, costs=COSTS)
        self.server.sql("ANALYZE", "whole")
        self.before = self.server.script("checksum.sql", "whole")
        size = self.server.sql("SELECT pg_size_pretty(pg_database_size('whole'))")[0][0]
        self.server.database("killed", template="whole")
        # Tables and indexes by their numbers, which are the same in both: the table that a lock is about.
        self.tables = dict(self.server.sql(
            """SELECT pg_class.oid, coalesce(indrelid, pg_class.oid)::regclass FROM pg_class LEFT JOIN pg_index ON indexrelid = pg_class.oid
            WHERE relnamespace = 'public'::regnamespace""", "whole"))  # fmt: skip
        say(f"{self.options.people:,} people, {size}, made in {time.monotonic() - started:.0f} s")

    def migration(self, database):
        migration = Migration(self.options.gateway, self.server, database)
        self.migrations[database].append(migration)
        return migration

    def application(self, database):
        self.applications[database] = Application(self.server, database, self.options.people, self.random)
        return self.applications[database]

    # MARK: Without a disturbance

    async def whole(self):
        async with self.application("whole") as application:
            await asyncio.sleep(2)
            migration = await self.migration("whole").succeed()
            application.check()
            await asyncio.sleep(1)
        await asyncio.to_thread(self.check, "whole", "migrated")
        self.schema, self.steps = self.server.schema("whole"), migration.steps()
        say(f"migrated in {migration.seconds:.0f} s; steps of over a second:")
        for sql, seconds in self.steps:
            if seconds >= 1:
                say(f"  {seconds:6.1f} s  {sql[:110]}")
        # Twice is the same as once, even where it is forgotten that there was a first time.
        again = await self.migration("whole").succeed()
        if again.lines[-1][1] != "nothing to do: it has the current schema":
            raise SoakError(f"a second run does something: {again.said()}")
        await asyncio.to_thread(self.server.sql, 'DELETE FROM "gateway_migrations"', "whole")
        again = await self.migration("whole").succeed()
        # Rows, functions and triggers are made again, as they were.
        made_again = ("INSERT INTO ", "CREATE OR REPLACE FUNCTION ", "DROP TRIGGER IF EXISTS ", "CREATE TRIGGER ")
        if not all(sql.startswith(made_again) for sql, _ in again.steps()) or self.server.schema("whole") != self.schema:
            raise SoakError(f"a run that knows of no other changes something: {again.said()}")
        await asyncio.to_thread(self.check, "whole", "migrated twice")
        if self.server.schema("whole") != self.schema:
            raise SoakError("a second run gives another schema")

    # MARK: Killed

    def points(self):
        """Where to kill, in the order of the steps: (number of a step, part of its time). The rewriting of people and the longest indexes
        have more than one of them, and the others are at random instants."""
        longest = sorted(range(len(self.steps)), key=lambda number: -self.steps[number][1])
        people = next(number for number, (sql, _) in enumerate(self.steps) if sql.startswith('ALTER TABLE "people" ALTER COLUMN'))
        indexes = [number for number in longest if self.steps[number][0].startswith("CREATE INDEX CONCURRENTLY")]
        chosen = [people, people, indexes[0], indexes[0], indexes[1], indexes[2]][: self.options.kills]
        weights = [seconds + 0.01 for _, seconds in self.steps]
        chosen += self.random.choices(range(len(self.steps)), weights, k=self.options.kills - len(chosen))
        return sorted((number, self.random.uniform(0, 0.9)) for number in chosen)

    async def killed(self):
        started = time.monotonic()
        self.watcher = Session(self.server, "postgres")
        async with self.application("killed") as application:
            for count, (number, part) in enumerate(self.points()):
                # Every third time the server is killed, by the process that does the work; then all of its processes end.
                await self.kill_at(number, part, kills_server=count % 3 == 2)
                application.check()
            migration = await self.migration("killed").succeed()
            application.check()
        await self.watcher.close()
        await asyncio.to_thread(self.check, "killed", "killed and run again")
        self.compare()
        say(f"killed {len(self.kills)} times in {time.monotonic() - started:.0f} s, and the last run took {migration.seconds:.0f} s:")
        for kill in self.kills:
            say(f"  {kill}")

    async def kill_at(self, number, part, kills_server):
        """Runs it until the given part of a step's usual time has passed, and kills it there."""
        sql, seconds = self.steps[number]
        later = {sql for sql, _ in self.steps[number:]}
        migration = self.migration("killed")
        await migration.start()
        while migration.child.returncode is None:
            if (working := await self.working()) and working[0][1].startswith(sql[:100]):
                await asyncio.sleep(part * seconds)
                break
            # The run before may have done it: its server process goes on for a moment.
            if any(done in later for done, _ in migration.steps()):
                break
            await asyncio.sleep(0.02)
        working = await self.working()
        if migration.child.returncode is not None or not working:
            # With few people, the last steps take no time.
            code, errors = await migration.end()
            if code != 0 or len(self.kills) < self.options.kills / 2:
                raise SoakError(f"it ended before it was killed, with exit code {code}: {errors}{migration.said()}")
            return
        if kills_server:
            # All of its processes end then, and it recovers.
            os.kill(int(working[0][0]), signal.SIGKILL)
            code, _ = await migration.end()
            if code != 1:
                raise SoakError(f"migrate ended with exit code {code} although its server was killed{migration.said()}")
        else:
            migration.child.send_signal(signal.SIGKILL)
            await migration.end()
        await self.gone()
        for rewrite in migration.rewrites:
            rewrite[2] = rewrite[2] or time.time()
        left = await asyncio.to_thread(self.invalid, "killed")
        what = f"the {'server' if kills_server else 'gateway'}, {float(working[0][2]):.1f} s after the beginning of {working[0][1][:100]}"
        self.kills.append(what + (f"; left invalid: {', '.join(left)}" if left else ""))

    async def working(self):
        """The server's process that works for a migration, on what, and for how many seconds now."""
        return await self.watcher.run(f"""SELECT pid, regexp_replace(query, '\\s+', ' ', 'g'), extract(epoch FROM clock_timestamp() - query_start)
            FROM pg_stat_activity WHERE {MIGRATION} AND query <> ''""")

    async def gone(self):
        """Waits until the server does nothing any more for a migration that was killed."""
        deadline = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(Lost):
                if not await self.watcher.run(f"SELECT 1 FROM pg_stat_activity WHERE {MIGRATION}"):
                    return
            if time.monotonic() > deadline:
                raise SoakError("the server still works for a migration that was killed")
            await asyncio.sleep(0.05)

    # MARK: What must hold

    def invalid(self, database):
        sql = "SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE NOT (indisvalid AND indisready)"
        return [row[0] for row in self.server.sql(sql, database)]

    def check(self, database, when):
        """No old value has changed, nor one that the application wrote; sums are of the rows; no index is invalid."""
        after = self.server.script("checksum.sql", database)
        if after != self.before:
            raise SoakError(f"{when}: values have changed: {self.before!r} before, {after!r} now")
        if left := self.invalid(database):
            raise SoakError(f"{when}: invalid indexes: {left}")
        if differing := self.server.sql(SUMS, database):
            raise SoakError(f"{when}: sums are not those of the rows: {differing[:3]}")
        self.applications[database].compare()

    def compare(self):
        """Killed or not, it comes to the same."""
        one, other = self.schema.splitlines(), self.server.schema("killed").splitlines()
        if one != other:
            raise SoakError("killed and run again, the schema differs:\n" + "\n".join(difflib.unified_diff(one, other, lineterm="")))
        if self.server.sql(RECORDED, "whole") != self.server.sql(RECORDED, "killed"):
            raise SoakError("killed and run again, other migrations are recorded")

    def report(self):
        """What the application saw."""
        waits = 0
        for at, database, lock, milliseconds in re.findall(WAIT, self.server.log, re.MULTILINE):
            waits += 1
            began = float(at) - float(milliseconds) / 1000
            match = re.search(r"on relation (\d+) of", lock)
            table = match and self.tables.get(match[1])
            rewrites = [rewrite for migration in self.migrations[database] for rewrite in migration.rewrites]
            if not any(table == one and announced - READING <= began <= done for one, announced, done in rewrites):
                raise SoakError(
                    f"the application waited for a lock for over {LONGEST_WAIT} s, unannounced, at {began:.1f}: {lock} ({table}); {rewrites}")
        for database, application in self.applications.items():
            rewrites = [rewrite for migration in self.migrations[database] for rewrite in migration.rewrites]
            met, free = [], []
            for one in application.statements:
                is_met = any(table in one.tables and one.start < done and one.end > announced for table, announced, done in rewrites)
                (met if is_met else free).append(one.end - one.start)
            free.sort()
            say(
                f"{database}: {len(application.statements):,} statements of the application, {len(free):,} of them met no announced rewriting: "
                f"median {free[len(free) // 2] * 1000:.1f} ms, 99 of 100 within {free[len(free) * 99 // 100] * 1000:.0f} ms, longest "
                f"{free[-1]:.2f} s; the longest of the others {max(met, default=0):.1f} s; {application.lost} cut off with the server")
        return f"migrate: everything holds; {waits} waits for a lock of over {LONGEST_WAIT} s, each behind an announced rewriting."
