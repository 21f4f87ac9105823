"""The servers of a measurement: the upstream and the two proxies. All on loopback, each ended by its own process id."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.request

from . import BenchmarkError
from .load import FOLDER, REQUEST

ANSWER = os.path.join(FOLDER, "payloads", "answer.json")
PERSON = os.path.join(FOLDER, "payloads", "person.json")
READY_SECONDS = 15
STOP_SECONDS = 30

NGINX = """\
daemon off;
{user}worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    default_type application/json;
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
{body}}}
"""

UPSTREAM = """\
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        listen 127.0.0.1:{tls} ssl backlog=1024;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        location / {{ return 200 '{answer}'; }}
        # Too long to stand here: a file, which nginx gives to POST only in this way.
        location = /v1/people {{ alias {person}; error_page 405 =200 $uri; }}
    }}
    server {{
        listen 127.0.0.1:{status};
        location / {{ stub_status; }}
    }}
"""

PROXY = """\
    upstream provider {{
        server 127.0.0.1:{upstream};
        keepalive 256;
        keepalive_requests 1000000000;
        keepalive_timeout 300s;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=1024;
        location / {{
            proxy_pass {scheme}://provider;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host localhost;
            proxy_ssl_trusted_certificate {certificate};
            proxy_ssl_verify on;
            proxy_ssl_name localhost;
            proxy_ssl_server_name on;
        }}
    }}
"""


def free_ports(count):
    """Different ports of the loopback address that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def exchange(port, path, headers=None, tls=None, timeout=5):
    """One POST of the benchmark's request: status, header fields (names in small letters), body."""
    connection = (
        http.client.HTTPSConnection("localhost", port, timeout=timeout, context=tls) if tls
        else http.client.HTTPConnection("127.0.0.1", port, timeout=timeout))  # fmt: skip
    try:
        with open(REQUEST, "rb") as file:
            connection.request("POST", path, file.read(), {"Content-Type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


class Server:
    """A running server in a temporary folder of its own. A context manager: leaving it ends the process and removes the folder."""

    def __init__(self, name):
        self.name = name
        self.folder = tempfile.mkdtemp(prefix=f"benchmark-{name}-")
        self.child = None

    def start(self, arguments, port):
        """Starts the command and waits until it accepts connections."""
        with open(os.path.join(self.folder, "output.log"), "wb") as output:
            self.child = subprocess.Popen(
                arguments, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + READY_SECONDS
        while True:
            self.check_running()
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise BenchmarkError(f"{self.name} does not listen after {READY_SECONDS} s{self.log()}") from None
                time.sleep(0.02)

    @property
    def pid(self):
        return self.child.pid

    def check_running(self):
        if self.child.poll() is not None:
            raise BenchmarkError(f"{self.name} ended with exit code {self.child.returncode}{self.log()}")

    def stop(self):
        """Ends the process in good order; its exit code."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        try:
            return self.child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise BenchmarkError(f"{self.name} still runs {STOP_SECONDS} s after SIGTERM{self.log()}") from None

    def log(self):
        """The end of what it said, for a message."""
        lines = []
        for name in ("output.log", "error.log"):
            path = os.path.join(self.folder, name)
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    file.seek(max(0, os.path.getsize(path) - 2000))
                    lines += file.read().splitlines()[-8:]
        return "".join(f"\n    {line[:300]}" for line in lines)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            if self.child is not None and self.child.poll() is None:
                self.child.terminate()
                try:
                    self.child.wait(5)
                except subprocess.TimeoutExpired:
                    self.child.kill()
                    self.child.wait()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


class Nginx(Server):
    """nginx with one worker, which is its event loop."""

    def __init__(self, name, body, port, core, cores, **values):
        super().__init__(name)
        try:
            # Started by root, the workers would change to a user who cannot use the folder.
            user = "user root;\n" if os.geteuid() == 0 else ""
            path = os.path.join(self.folder, "nginx.conf")
            with open(path, "w", encoding="utf-8") as file:
                file.write(NGINX.format(user=user, folder=self.folder, body=body.format(port=port, **values)))
            arguments = ["nginx", "-p", self.folder, "-c", path, "-e", os.path.join(self.folder, "error.log")]
            self.start(cores.command(core, arguments), port)
        except BaseException:
            self.__exit__()
            raise


class Upstream:
    """The provider: nginx with one answer on every path but that of people, plain and with TLS, and the certificate that the proxies must verify."""

    def __init__(self, cores):
        self.plain, self.tls, self.status = free_ports(3)
        self.asked = 0
        with open(ANSWER, "rb") as file:
            self.answer = file.read().rstrip(b"\n")
        with open(PERSON, "rb") as file:
            self.person = file.read()
        if any(character in self.answer for character in b"'\\$"):
            raise BenchmarkError("the upstream's answer must do without ', \\ and $, which mean something to nginx")
        self.certificates = tempfile.mkdtemp(prefix="benchmark-certificates-")
        try:
            self.certificate = self._make_certificate()
            self.server = Nginx(
                "upstream", UPSTREAM, self.plain, cores.upstream, cores, tls=self.tls, status=self.status, certificate=self.certificate,
                key=os.path.join(self.certificates, "key.pem"), answer=self.answer.decode(), person=PERSON)  # fmt: skip
        except BaseException:
            shutil.rmtree(self.certificates, ignore_errors=True)
            raise
        self.client_context = ssl.create_default_context(cafile=self.certificate)

    def _make_certificate(self):
        path = os.path.join(self.certificates, "certificate.pem")
        done = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-keyout", os.path.join(self.certificates, "key.pem"), "-out", path],
            capture_output=True, text=True, check=False)  # fmt: skip
        if done.returncode != 0:
            raise BenchmarkError(f"openssl made no certificate: {done.stderr.strip()}")
        return path

    def port(self, transport):
        return self.tls if transport == "tls" else self.plain

    def url(self, transport):
        return f"{'https' if transport == 'tls' else 'http'}://localhost:{self.port(transport)}"

    def requests(self):
        """How many requests it has had so far, the one that asks not among them."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.status}/", timeout=5) as answer:
            words = answer.read().decode().split()
        # "… server accepts handled requests 3 3 7 Reading: …"; each earlier question is among the requests, and so is this one.
        self.asked += 1
        return int(words[words.index("requests") + 3]) - self.asked

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.server.__exit__()
        finally:
            shutil.rmtree(self.certificates, ignore_errors=True)


def nginx_proxy(upstream, transport, cores):
    """nginx as a plain proxy in front of the upstream."""
    (port,) = free_ports(1)
    server = Nginx(
        "nginx", PROXY, port, cores.proxy, cores, upstream=upstream.port(transport), certificate=upstream.certificate,
        scheme="https" if transport == "tls" else "http")  # fmt: skip
    server.url, server.port = f"http://127.0.0.1:{port}", port
    return server
