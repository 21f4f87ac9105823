"""The application that owns the database: its readers and writers, each on a connection of its own, who remember what they have written."""

import asyncio
import time
from collections import namedtuple

import postgres

from . import SoakError

NAME = "application"
# What each statement is, which tables it needs, and from when to when it ran (Unix time).
Statement = namedtuple("Statement", "name tables start end")
MARK = "\x1d"


class Lost(Exception):
    """The connection is gone; what the statement did is not known."""


class Session:
    """A psql that stays connected."""

    def __init__(self, server, database, role=None, name="watcher"):
        self.server, self.database, self.role, self.name, self.child = server, database, role or "postgres", name, None

    async def run(self, sql):
        """Runs statements; the rows of all of them. Throws `Lost`, or `SoakError` with what the server says."""
        if self.child is None:
            command = self.server.psql(self.database, self.role)
            self.child = await asyncio.create_subprocess_exec(
                *command, cwd=self.server.folder, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL, env={"PGAPPNAME": self.name}, limit=1 << 24)  # fmt: skip
        try:
            # As one request, so that the outcome is that of all statements.
            request = sql.replace(";", "\\;")
            self.child.stdin.write(f"{request};\n\\echo {MARK}:ERROR{MARK}:'LAST_ERROR_MESSAGE'{MARK}\n".encode())
            await self.child.stdin.drain()
            text, error, message, _ = (await self.child.stdout.readuntil(f"{MARK}\n".encode())).decode().rsplit(MARK, 3)
        except (asyncio.IncompleteReadError, ConnectionError):
            await self.close()
            raise Lost from None
        if error == "true" and message == "''":
            # The server said nothing, because it is gone.
            await self.close()
            raise Lost
        if error == "true":
            raise SoakError(f"a statement of the {self.name}'s fails: {message}: {sql}")
        return [row.split(postgres.COLUMN) for row in text.removesuffix("\n").split(postgres.ROW)] if text else []

    async def close(self):
        if self.child:
            if self.child.returncode is None:
                self.child.stdin.close()
            await self.child.wait()
        self.child = None


class Application:
    """Readers and writers at work while it is entered. `statements` is all that they ran."""

    def __init__(self, server, database, people, random):
        self.server, self.database, self.people, self.random = server, database, people, random
        self.statements, self.lost, self.failure, self.tasks, self.is_over = [], 0, None, [], False
        # id → the texts that a person of the application's own may have; None for one that is not there.
        self.own = {}

    async def __aenter__(self):
        workers = [self.read] * 3 + [self.write] * 3
        self.tasks = [asyncio.create_task(self.work(body, number)) for number, body in enumerate(workers)]
        return self

    async def __aexit__(self, *_):
        self.is_over = True
        await asyncio.gather(*self.tasks)
        if self.failure:
            raise self.failure

    def check(self):
        if self.failure:
            raise self.failure

    async def work(self, body, number):
        session = Session(self.server, self.database, self.server.role, NAME)
        try:
            for count in range(1 << 30):
                if self.is_over:
                    break
                try:
                    await body(session, f"app-{number}-{count}")
                except Lost:
                    self.lost += 1
                    await asyncio.sleep(0.2)
                await asyncio.sleep(self.random.uniform(0.005, 0.05))
        except SoakError as error:
            self.failure = self.failure or error
        finally:
            await session.close()

    async def timed(self, session, name, tables, sql):
        start = time.time()
        rows = await session.run(sql)
        self.statements.append(Statement(name, tables, start, time.time()))
        return rows

    async def read(self, session, _):
        """What pages of the application ask for."""
        number, workspace = self.random.randint(1, self.people), self.random.randrange(1000)
        name, tables, sql = self.random.choice([
            ("a person", {"people"}, f"""SELECT "fullName", "coresignalData" ->> 'country' FROM "people" WHERE "id" = 'p{number}'"""),
            ("a workspace's people", {"people"}, f"""SELECT "id", "degrees" FROM "people" WHERE "workspaceId" = 'w{workspace}' LIMIT 50"""),
            ("people and companies", {"people", "companies"}, f"""SELECT "fullName", "name" FROM "people"
                JOIN "companies" ON "companies"."id" = "companyId" WHERE "people"."id" = 'p{number}'"""),
            ("costs", {"api_cost_tracking"}, f"""SELECT sum("cost") FROM "api_cost_tracking" WHERE "workspaceId" = 'w{workspace}'"""),
        ])  # fmt: skip
        await self.timed(session, name, tables, sql)

    async def write(self, session, name):
        """Adds a person, changes or removes one of its own, or records a cost."""
        kind = self.random.choice(["add", "add", "change", "remove", "cost"])
        # What a lost connection has left open stays as it is.
        mine = [key for key, texts in self.own.items() if key.startswith(name.rsplit("-", 1)[0] + "-") and len(texts - {None}) == len(texts) == 1]
        if kind == "cost":
            sql = f"""BEGIN; SELECT 1 FROM "workspaces" WHERE "id" = 'app' FOR SHARE;
                INSERT INTO "api_cost_tracking" ("id", "workspaceId", "apiProvider", "cost") VALUES ('{name}', 'app', 'pdl', 0.2801); COMMIT"""
            await self.timed(session, "add a cost", {"api_cost_tracking", "workspaces"}, sql)
            return
        key = name if kind == "add" or not mine else self.random.choice(mine)
        text = None if kind == "remove" else f"{name} {self.random.getrandbits(40)}"
        json = f"""'{{"text": "{text}", "skills": ["skill-1", "skill-2"]}}'::json"""
        sql = {
            None: f"""DELETE FROM "people" WHERE "id" = '{key}'""",
            name: f"""INSERT INTO "people" ("id", "workspaceId", "fullName", "coresignalData") VALUES ('{key}', 'app', '{text}', {json});
                INSERT INTO "notes" VALUES ('{key}', '{key}', 'of the application')""",
        }.get(text and key, f"""UPDATE "people" SET "fullName" = '{text}', "coresignalData" = {json} WHERE "id" = '{key}'""")
        before = self.own.get(key, {None})
        # Until the answer is there, both are possible.
        self.own[key] = before | {text}
        await self.timed(session, f"{kind} a person", {"people"}, f"BEGIN; {sql}; COMMIT")
        self.own[key] = {text}

    def compare(self):
        """Every row of its own has the text that was written last."""
        rows = self.server.sql("""SELECT "id", "fullName", "coresignalData"::jsonb ->> 'text' FROM "people" WHERE "id" LIKE 'app%'""", self.database)
        found = {key: {name, text} for key, name, text in rows}
        wrong = [key for key, texts in self.own.items() if not found.pop(key, {None}) <= texts]
        if wrong or found:
            raise SoakError(f"{len(wrong)} rows that the application wrote are not as it wrote them, such as {wrong[:3]}; unknown: {list(found)[:3]}")
        return len(self.own)
