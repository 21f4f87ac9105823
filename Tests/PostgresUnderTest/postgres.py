"""A real Postgres server of a tool's own: its data in a temporary folder, reached through a socket in that folder alone, run by a user
without rights."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))
ROOT = "/usr/lib/postgresql"
READY_SECONDS = 60
# Columns and rows of an answer.
COLUMN, ROW = "\x1f", "\x1e"


class PostgresError(Exception):
    """What the server or its tools said."""


def binaries():
    """The folder of the newest that Debian's package has put on this machine."""
    versions = sorted((name for name in os.listdir(ROOT) if name.isdigit()), key=int) if os.path.isdir(ROOT) else []
    if not versions:
        raise PostgresError("Debian's postgresql is not installed")
    return os.path.join(ROOT, versions[-1], "bin")


class Server:
    """A context manager: leaving it ends the server and removes its folder. `role` owns every database and may do nothing else."""

    role = "gateway"

    def __init__(self, **settings):
        self.bin, self.settings, self.child = binaries(), settings, None
        # Postgres refuses to be run by root.
        self.user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        self.folder = tempfile.mkdtemp(prefix="gateway-postgres-")
        self.data = os.path.join(self.folder, "data")
        if self.user:
            shutil.chown(self.folder, "postgres", "postgres")

    def __enter__(self):
        try:
            self.tool("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
            self.start()
            self.sql(f"CREATE ROLE {self.role} LOGIN")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.child and self.child.poll() is None:
            self.child.send_signal(signal.SIGQUIT)
            self.child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    # MARK: Its life

    def start(self, **settings):
        """Starts it, with other settings if any are given, and waits until it takes connections."""
        self.settings |= settings
        fixed = {"listen_addresses": "", "unix_socket_directories": self.folder, "max_connections": 60}
        options = [option for name, value in (fixed | self.settings).items() for option in ("-c", f"{name}={value}")]
        with open(self.log_path, "ab") as log:
            self.child = subprocess.Popen(
                [os.path.join(self.bin, "postgres"), "-D", self.data, *options], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True, **self.user)  # fmt: skip
        self.wait()

    def wait(self):
        """Waits until it takes connections, after a crash for instance."""
        deadline = time.monotonic() + READY_SECONDS
        while True:
            if self.child.poll() is not None:
                raise PostgresError(f"the server ended: {self.log[-2000:]}")
            try:
                self.sql("SELECT 1")
                return
            except PostgresError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def stop(self):
        """Ends it in order, and all connections with it."""
        self.child.send_signal(signal.SIGINT)
        self.child.wait()

    @property
    def log_path(self):
        return os.path.join(self.folder, "log")

    @property
    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    # MARK: Its use

    def database(self, name, template="template0"):
        """Makes a database, empty or a copy of one that nobody is connected to; its URL."""
        self.sql(f"CREATE DATABASE {name} OWNER {self.role} TEMPLATE {template}")
        return self.url(name)

    def url(self, database):
        return f"postgres://{self.role}@/{database}?host={self.folder}"

    def psql(self, database, user, *options):
        """The command line of a psql that prints rows alone."""
        place = f"host={self.folder} user={user} dbname={database}"
        return [os.path.join(self.bin, "psql"), "-X", "-q", "-A", "-t", "-F", COLUMN, "-R", ROW, "-d", place, *options]

    def sql(self, text, database="postgres"):
        """Runs SQL as the superuser; the rows of the last statement, as texts."""
        said = self.run(self.psql(database, "postgres", "-v", "ON_ERROR_STOP=1", "-c", text)).removesuffix("\n")
        return [row.split(COLUMN) for row in said.split(ROW)] if said else []

    def script(self, name, database, **variables):
        """Runs a file of this folder as the databases' role; what it printed."""
        options = [option for name, value in variables.items() for option in ("-v", f"{name}={value}")]
        with open(os.path.join(FOLDER, name), "rb") as file:
            return self.run(self.psql(database, self.role, "-v", "ON_ERROR_STOP=1", *options), stdin=file)

    def schema(self, database):
        """Everything that pg_dump has to say about it, but for rows."""
        said = self.tool("pg_dump", "--schema-only", "-h", self.folder, "-U", "postgres", database)
        # Newer versions add a key of the day.
        return re.sub(r"^\\(un)?restrict .*$", "", said, flags=re.MULTILINE)

    def tool(self, name, *arguments):
        return self.run([os.path.join(self.bin, name), *arguments], **self.user)

    def run(self, command, **settings):
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False, **settings)
        if done.returncode != 0:
            raise PostgresError(f"{os.path.basename(command[0])} ended with {done.returncode}: {done.stderr.strip()[-2000:]}")
        return done.stdout
