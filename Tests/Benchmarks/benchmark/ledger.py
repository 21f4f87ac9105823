"""The Postgres ledger under measurement: the drain of a backlog, and the questions that are asked of many rows."""

import http.client
import itertools
import os
import statistics
import subprocess
import time
from decimal import Decimal

import postgres

from . import BenchmarkError, load
from .cpu import Cores, Machine, process, with_children
from .gateway import OPERATIONS, Gateway
from .servers import Upstream

# As a small machine of its own would have them; every commit is durable.
SERVER = {
    "fsync": "on", "synchronous_commit": "on", "shared_buffers": "1GB", "work_mem": "32MB", "maintenance_work_mem": "512MB",
    "max_wal_size": "3GB", "checkpoint_timeout": "15min", "random_page_cost": 1.1, "wal_level": "replica",
}  # fmt: skip
# While rows are made that nobody would miss.
FILLING = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off", "wal_level": "minimal", "max_wal_senders": 0}
DURABLE = {"fsync": "on", "full_page_writes": "on", "autovacuum": "on", "wal_level": "replica", "max_wal_senders": 10}
# Puts the plan of every statement into the server's log.
EXPLAINING = {"session_preload_libraries": "auto_explain", "auto_explain.log_min_duration": 0, "auto_explain.log_analyze": "on"}
SILENT = {"session_preload_libraries": "", "auto_explain.log_min_duration": -1}

HEAL_SECONDS = 60
DRAIN_SECONDS = 600
# One workspace has a tenth of all rows, which are of this many days.
DAYS, WORKSPACES, LARGEST = 120, 200, "w0"
MONTH = "from=2026-08-01&to=2026-08-31"

ROWS = """
    INSERT INTO "api_cost_tracking" ("id", "workspaceId", "userId", "apiProvider", "endpoint", "operation", "cost", "tokensUsed", "entityType",
        "entityId", "requestData", "success", "createdAt", "basis", "priceVersion", "estimate", "status", "cache", "durationMs")
    SELECT '01' || upper(lpad(to_hex(n), 24, '0')), workspace, 'u' || n % CASE workspace WHEN '{largest}' THEN 53 ELSE 3 END, provider,
        '/v1/' || operation, operation, (n % 9973)::numeric / 1000000, n % 4000, 'person', 'p' || n % 1000003,
        '{{"lines": [{{"unit": "input_token", "quantity": "412", "cost": "0.0012"}}, {{"unit": "output_token", "quantity": "287", "cost": "0.0043"}}]}}',
        true, timestamptz '2026-07-01 00:00Z' + n * interval '{days} days' / {rows}, 'table', '2026-01-01+0123abcd', 0.0077, 200, 'none', n % 900
    FROM generate_series({first}::bigint, {last}) AS n, LATERAL (SELECT
        'w' || CASE n % 10 WHEN 0 THEN 0 ELSE n * 7919 % {workspaces} END AS workspace,
        (ARRAY['openai', 'anthropic', 'pdl', 'lusha', 'coresignal'])[1 + n / 3 % 5] AS provider,
        (ARRAY['enrich', 'search'])[1 + n / 17 % 2] AS operation) AS chosen
    """
ROLLUPS = """
    INSERT INTO "cost_rollups" SELECT "workspaceId", date_trunc('day', "createdAt", 'UTC'), "apiProvider", "operation", "userId", count(*),
        sum("cost") * 1000000000, sum("tokensUsed")
    FROM "api_cost_tracking" GROUP BY 1, 2, 3, 4, 5
    """
SEARCHES = {
    "everybody with a skill, in a country": """SELECT count("fullName") FROM "people"
        WHERE "coresignalData" @> '{"skills": ["skill-17"], "country": "country-17"}'""",
    "who has worked for a company": """SELECT "id", "fullName" FROM "people" WHERE "coresignalData" @> '{"experience": [{"company_id": 777}]}'""",
    "a workspace's people with a skill": """SELECT "id", "fullName" FROM "people" WHERE "workspaceId" = 'w17'
        AND "coresignalData" @> '{"skills": ["skill-17"]}' ORDER BY "dataQualityScore" DESC LIMIT 50""",
}  # fmt: skip


def measure(options, executable):
    scale, machine = 20 if options.quick else 1, Machine()
    with postgres.Server(**SERVER) as server, Upstream(Cores(not options.no_pin)) as upstream:
        settings = ", ".join(f"{name} = {value}" for name, value in SERVER.items())
        print(f"Postgres {server.sql('SHOW server_version')[0][0]} on the same machine, through a socket: {settings}")
        bench = LedgerBenchmark(options, executable, server, upstream)
        bench.search(1_000_000 // scale)
        bench.drain("into an empty ledger", "empty", 200_000 // scale)
        bench.fill(10_000_000 // scale)
        bench.month()
        bench.drain(f"into a ledger of {10_000_000 // scale:,} rows", "many", 200_000 // scale)
    foreign = machine.foreign()
    print(f"\nOther programs used {foreign:.0%} of the machine meanwhile{': the figures are disturbed.' if foreign > 0.05 else '.'}")
    if options.quick:
        print("Too few rows for figures to quote.")


class LedgerBenchmark:
    def __init__(self, options, executable, server, upstream):
        self.options, self.executable, self.server, self.upstream = options, executable, server, upstream
        self.cores = Cores(not options.no_pin)

    @staticmethod
    def say(text):
        print(text, flush=True)

    def migrate(self, database):
        """How long it took."""
        started = time.monotonic()
        done = subprocess.run(
            [self.executable, "migrate", "--ledger", self.server.url(database)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BenchmarkError(f"migrate ended with exit code {done.returncode}: {done.stderr}")
        return time.monotonic() - started

    def gateway(self, database):
        return Gateway(self.executable, self.upstream, "plain", self.cores, self.options.synchronous, self.server.url(database))

    def restart(self, **settings):
        self.server.stop()
        os.sync()
        self.server.start(**settings)

    # MARK: A backlog

    def drain(self, title, database, count):
        """Postgres goes away, calls go on, and it comes back."""
        if database == "empty":
            self.server.database(database)
            self.migrate(database)
        before = self.books(database)
        with self.gateway(database) as gateway:
            gateway.probe("chat", self.upstream.answer)
            self.until("the first record is there", HEAL_SECONDS, lambda: self.books(database)[0] > before[0])
            self.server.stop()
            burst = load.Load(64, 2)
            while sum(gateway.completed.values()) < count:
                gateway.completed["chat"] += load.run(gateway.url, gateway.path("chat"), burst, self.cores).requests
            waiting, used = self.backlog(gateway), process(gateway.pid)
            self.server.start()
            log = self.server.sql("SELECT pg_current_wal_lsn()")[0][0]
            returned = time.monotonic()
            self.until("the backlog shrinks", HEAL_SECONDS, lambda: self.backlog(gateway) < waiting)
            # From the first batch's end on, so that the pauses between tries to connect do not count.
            began, left = time.monotonic(), self.backlog(gateway)
            self.until("the backlog is gone", DRAIN_SECONDS, lambda: self.backlog(gateway) == 0)
            seconds = time.monotonic() - began
            used, served = process(gateway.pid) - used, sum(map(process, with_children(self.server.child.pid)))
            written = int(self.server.sql(f"SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '{log}')")[0][0])
            if code := gateway.stop():
                raise BenchmarkError(f"the gateway stopped with exit code {code}{gateway.log()}")
            rows, cost = (now - then for now, then in zip(self.books(database), before, strict=True))
            if rows != self.upstream.requests() - gateway.upstream_before or cost != rows * OPERATIONS["chat"][1]:
                raise BenchmarkError(f"{rows} rows of ${cost} for {self.upstream.requests() - gateway.upstream_before} forwarded calls")
        self.say(
            f"\nBacklog of {rows:,} calls ({waiting / 1e6:.0f} MB of journal), {title}:\n"
            f"  {rows * left / waiting / seconds:,.0f} rows/s with all indexes and rollups: the first were there {began - returned:.1f} s after the "
            f"server was back, and the last {seconds:.1f} s later\n  a row: {used / rows:.0f} µs of CPU in the gateway, {served / rows:.0f} µs in Postgres, {written / rows:,.0f} bytes "
            "of its log; each row is there once, at its exact cost, and in the sums")

    def books(self, database):
        """Rows and their cost, which the sums agree with."""
        ((rows, cost), (calls, nanos)) = self.server.sql(
            """SELECT count(*), coalesce(sum("cost"), 0) FROM "api_cost_tracking" UNION ALL
            SELECT coalesce(sum("calls"), 0), coalesce(sum("costNanos"), 0) FROM "cost_rollups" """, database)  # fmt: skip
        if int(rows) != int(calls) or Decimal(cost) * 10**9 != Decimal(nanos):
            raise BenchmarkError(f"{rows} rows of ${cost}, and {calls} in the sums of {nanos} nano-dollars")
        return int(rows), Decimal(cost)

    def backlog(self, gateway):
        """Bytes of the journal that are not in the ledger."""
        lines = self.ask(gateway, "/metrics")[0].decode().splitlines()
        return int(float(next(line for line in lines if line.startswith("gateway_ledger_backlog_bytes ")).split(" ")[1]))

    @staticmethod
    def ask(gateway, path):
        """The admin plane's answer, and the milliseconds until it was there whole."""
        started = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", gateway.admin_port, timeout=60)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise BenchmarkError(f"{path} answered {answer.status}: {body[:300]}")
        return body, (time.perf_counter() - started) * 1000

    def is_ready(self, gateway):
        """Whether it has opened its ledger."""
        try:
            return b'"status":"ready"' in self.ask(gateway, "/readyz")[0].replace(b" ", b"")
        except (OSError, BenchmarkError):
            return False

    @staticmethod
    def until(what, patience, condition):
        deadline = time.monotonic() + patience
        while not condition():
            if time.monotonic() > deadline:
                raise BenchmarkError(f"never happened: {what}")
            time.sleep(0.05)

    # MARK: Many rows

    def fill(self, count):
        """So many rows and their sums; the indexes are made afterwards, by `gateway migrate`."""
        self.restart(**FILLING)
        self.server.database("many")
        self.migrate("many")
        indexes = self.server.sql(
            """SELECT string_agg(quote_ident(relname), ', ') FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
            WHERE indrelid = 'api_cost_tracking'::regclass AND NOT indisprimary""", "many")[0][0]  # fmt: skip
        self.server.sql(f'DROP INDEX {indexes}; DELETE FROM "gateway_migrations" WHERE "number" = 4', "many")
        started, step = time.monotonic(), count // 10
        for first in range(0, count, step):
            values = {"first": first + 1, "last": first + step, "rows": count, "days": DAYS, "workspaces": WORKSPACES, "largest": LARGEST}
            self.server.sql(ROWS.format(**values), "many")
        self.server.sql(ROLLUPS, "many")
        made, indexed = time.monotonic() - started, self.migrate("many")
        self.server.sql("VACUUM ANALYZE", "many")
        sizes = self.server.sql(
            """SELECT pg_size_pretty(pg_table_size('api_cost_tracking')), pg_size_pretty(pg_indexes_size('api_cost_tracking')),
            (SELECT count(*) FROM "cost_rollups"), pg_size_pretty(pg_total_relation_size('cost_rollups'))""", "many")[0]  # fmt: skip
        self.restart(**DURABLE)
        self.say(
            f"\n{count:,} rows of {WORKSPACES} workspaces and {DAYS} days, made in {made:.0f} s, their indexes in {indexed:.0f} s: {sizes[0]}, "
            f"indexes {sizes[1]}; {int(sizes[2]):,} rollups, {sizes[3]}")

    def month(self):
        """A month by provider and day, through the gateway; and the plan of its own statement."""
        for title, path in [
            ("A month of the largest workspace by provider and day", f"/v1/workspaces/{LARGEST}/spend?by=provider,day&{MONTH}"),
            ("A month of a small workspace by provider and day", f"/v1/workspaces/w7/spend?by=provider,day&{MONTH}"),
            ("A month of all workspaces by provider and day", f"/v1/spend?by=provider,day&{MONTH}"),
            ("A person's month", f"/v1/entities/person/p4711/spend?by=provider&{MONTH}"),
        ]:
            self.restart(**EXPLAINING)
            with self.gateway("many") as gateway:
                self.until("the gateway is ready", HEAL_SECONDS, lambda: self.is_ready(gateway))
                body, _ = self.ask(gateway, path)
                gateway.stop()
            # The last one of its kind: a gateway that starts asks for sums too.
            said = [one for one in self.server.log.split("LOG:  duration: ")[1:] if '"apiProvider", NULL' in one][-1]
            milliseconds, said = said.split(" ms  plan:\n", 1)
            plan = "\n".join(itertools.takewhile(lambda line: line.startswith("\t"), said.splitlines()))
            self.restart(**SILENT)
            with self.gateway("many") as gateway:
                self.until("the gateway is ready", HEAL_SECONDS, lambda: self.is_ready(gateway))
                times = [self.ask(gateway, path)[1] for _ in range(20)]
                gateway.stop()
            self.say(
                f"\n{title}: {statistics.median(times):.1f} ms over HTTP (longest of {len(times)}: {max(times):.1f} ms, the first after a restart "
                f"of the server; {len(body):,} bytes), {float(milliseconds):.1f} ms of them in Postgres when explained, first of all\n"
                + indented(plan))

    # MARK: Search

    def search(self, count):
        """Containment in a million people of an application's, once they are migrated."""
        self.restart(**FILLING)
        self.server.database("application")
        self.server.script("application.sql", "application", people=count, costs=1000)
        migrated = self.migrate("application")
        self.server.sql("VACUUM ANALYZE", "application")
        sizes = self.server.sql(
            "SELECT pg_size_pretty(pg_table_size('people')), pg_size_pretty(pg_relation_size('\"people_coresignalData_idx\"'))", "application")[0]
        self.say(f"\n{count:,} people, migrated in {migrated:.0f} s: {sizes[0]}, GIN index on \"coresignalData\" {sizes[1]}")
        self.restart(**DURABLE)
        for title, sql in SEARCHES.items():
            times, plans = [], []
            for _ in range(5):
                started = time.perf_counter()
                self.server.sql(sql, "application")
                times.append((time.perf_counter() - started) * 1000)
                plans.append(self.server.sql(f"EXPLAIN (ANALYZE, BUFFERS) {sql}", "application"))
            self.say(
                f"\nContainment, {title}: {statistics.median(times):.0f} ms with psql's start (longest of {len(times)}: {max(times):.0f} ms)\n"
                + indented("\n".join(row[0] for row in plans[-1])))
        self.server.sql("DROP DATABASE application")


def indented(plan):
    return "\n".join("    " + line.replace("\t", "")[:200] for line in plan.splitlines() if line.strip())
