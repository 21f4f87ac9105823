"""What a day needs besides people: providers that answer as the adapters' examples say, somebody who is told, and the gateway."""
import asyncio, contextlib, http.client, http.server, json, pathlib, re, signal, subprocess, sys, threading

TESTS = pathlib.Path(__file__).resolve().parents[2]
PLUGINS = TESTS.parent / "plugins"
sys.path += [str(TESTS / "Soak"), str(TESTS / "GatewayTests/Browser")]

from soak.callers import exchange  # noqa: E402
from soak.gateway import free_ports  # noqa: E402

# Where each provider looks for its credential, and how its adapter writes it.
CREDENTIALS = {"openai": ("Authorization", "Bearer "), "perplexity": ("Authorization", "Bearer "), "pdl": ("X-Api-Key", ""), "lusha": ("api_key", "")}


def variable(provider):
    return f"{provider.upper()}_API_KEY"


def ask(port, method, target, headers=None, body=None):
    """Status, fields with the trailer's, and the body of one request on a connection of its own."""
    async def once():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            async with asyncio.timeout(20):
                return await exchange(reader, writer, method, target, {"Connection": "close"} | (headers or {}), body)
        finally:
            writer.close()

    return asyncio.run(once())


class Sandbox:
    """A gateway that replays the adapters' examples: the one place that says what a provider answers."""

    def __init__(self, executable, folder):
        folder.mkdir()
        (folder / "config.yaml").write_text(f"""
            gateway: 1
            listen: 127.0.0.1:0
            admin: {{ listen: 127.0.0.1:0 }}
            plugins: ../plugins
            auth: {{ mode: header, default_workspace: examples }}
            budgets: {{ default: {{ enforcement: off }} }}
            """)
        with open(folder / "log", "wb") as log:
            self.process = subprocess.Popen([executable, "serve", "--sandbox"], cwd=folder, env={"PATH": "/usr/bin:/bin"}, stdin=subprocess.DEVNULL,
                                            stdout=subprocess.PIPE, stderr=log)
        self.port = int(re.search(rb"http://127\.0\.0\.1:(\d+)", self.process.stdout.readline())[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class Providers:
    """All of them at one port, each below its name. They let in who shows their credential and nothing of the gateway's."""

    def __init__(self, sandbox, credentials):
        self.asked, self.faults = [], []
        providers = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                provider = self.path.split("/")[1]
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
                field, prefix = CREDENTIALS[provider]
                if self.headers[field] != prefix + credentials[provider]:
                    providers.faults.append(f"{provider} was not shown its credential")
                if "gwk_" in f"{self.path}{self.headers}" or any(name.lower().startswith("x-gateway") for name in self.headers):
                    providers.faults.append(f"{provider} was shown what is the gateway's: {self.path} {self.headers}")
                # The question for a balance is no call.
                if not self.path.endswith("/account/usage"):
                    providers.asked.append(provider)
                # What is kept is for the gateway that is walked through to keep.
                headers = {"X-Gateway-Cache": "bypass", "Content-Type": self.headers["Content-Type"]}
                status, fields, content = ask(sandbox.port, self.command, self.path, headers, body)
                self.send_response(status)
                for name, value in fields.items():
                    if not name.startswith(("x-gateway", "x-sandbox")) and name not in ("content-length", "transfer-encoding", "connection", "date", "trailer"):
                        self.send_header(name, value)
                if fields["content-type"] != "text/event-stream":
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    return self.wfile.write(content)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for event in content.split(b"\n\n")[:-1]:
                    self.wfile.write(b"%x\r\n%s\n\n\r\n" % (len(event) + 2, event))
                self.wfile.write(b"0\r\n\r\n")

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


class Receiver:
    """Who is told of alerts, in a process of its own."""

    def __init__(self, folder, secret):
        self.log = folder / "told"
        script = TESTS / "GatewayTests/Webhooks/receiver.py"
        self.process = subprocess.Popen([sys.executable, script, "0", secret, self.log], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    @property
    def posts(self):
        lines = [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []
        return [{**line, "body": json.loads(line["text"])} for line in lines]

    @property
    def alerts(self):
        """Each once: one that was posted, and whose acknowledgement a kill has lost, comes again with its id."""
        return list({post["body"]["id"]: post["body"] for post in self.posts}.values())


class Gateway:
    """The gateway that is walked through. Whatever it says to anybody is noted in `said`, by where."""

    def __init__(self, executable, folder, providers, receiver, secrets):
        folder.mkdir()
        self.executable, self.folder, self.secrets, self.said, self.starts = executable, folder, secrets, [], 0
        self.port, self.admin_port = free_ports(2)
        # Commands read the same file, and so need the same environment.
        self.environment = {"PATH": "/usr/bin:/bin", "GATEWAY_ADMIN_TOKEN": secrets["admin token"], "ALERT_SECRET": secrets["webhook's secret"],
                            **{variable(name): secrets[f"credential of {name}"] for name in CREDENTIALS}}
        urls = ", ".join(f'{name}: {{ url: "http://127.0.0.1:{providers.port}/{name}" }}' for name in CREDENTIALS)
        (folder / "config.yaml").write_text(f"""
            gateway: 1
            listen: 127.0.0.1:{self.port}
            admin: {{ listen: 127.0.0.1:{self.admin_port}, token: "${{GATEWAY_ADMIN_TOKEN}}" }}
            plugins: ../plugins
            auth: {{ mode: keys }}
            alerts: {{ webhooks: [ {{ url: "http://127.0.0.1:{receiver.port}/ok", secret: "${{ALERT_SECRET}}" }} ] }}
            providers: {{ {urls} }}
            enrich: {{ person: [pdl, lusha] }}
            """)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()

    def start(self):
        """Starts it, and returns what it says when it serves."""
        self.starts += 1
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([self.executable, "serve", "--log-level", "trace"], cwd=self.folder, env=self.environment,
                                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
        greeting = self.process.stdout.readline().decode()
        assert "http://" in greeting, self.log
        self.note("the greeting", greeting)
        threading.Thread(target=self.follow, daemon=True).start()
        return greeting.strip()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    @property
    def log(self):
        return (self.folder / "log").read_text()

    def note(self, place, text):
        self.said.append((place, text if isinstance(text, bytes) else text.encode()))

    def follow(self):
        """Notes events as they happen, until the gateway ends."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port)
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/v1/events", headers={"Authorization": f"Bearer {self.secrets['admin token']}"})
            answer = connection.getresponse()
            while line := answer.readline():
                self.note("/v1/events", line)

    def call(self, method, target, headers, body=None):
        if body is not None:
            headers = headers | {"Content-Type": "application/json"}
        status, fields, content = ask(self.port, method, target, headers, body)
        self.note(f"the answer to {target.split('?')[0]}", json.dumps(fields).encode() + content)
        return status, fields, content

    def admin(self, method, target, body=None):
        headers = {"Authorization": f"Bearer {self.secrets['admin token']}", "Content-Type": body and "application/json"}
        status, fields, content = ask(self.admin_port, method, target, headers, body and json.dumps(body).encode())
        self.note(f"{method} {target}", json.dumps(fields).encode() + content)
        assert status in (200, 201), f"{method} {target}: {status} {content}"
        return json.loads(content) if fields["content-type"] == "application/json" else content.decode()

    def command(self, *arguments, shows=None):
        """Runs a command; `shows` is what its output is, where it must not be anywhere else."""
        done = subprocess.run([self.executable, *arguments], cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"gateway {' '.join(arguments)}: {done.returncode} {done.stdout} {done.stderr}"
        self.note(f"gateway {' '.join(arguments)}", done.stderr)
        if shows:
            self.secrets[shows] = done.stdout.strip()
        else:
            self.note(f"gateway {' '.join(arguments)}", done.stdout)
        return done

    def files(self):
        """What it keeps: the ledger, its side files, and the journal."""
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and path.name != "config.yaml":
                yield str(path.relative_to(self.folder)), path.read_bytes()
