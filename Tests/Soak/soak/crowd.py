"""Many event streams at once: a provider that sends them and the callers who read them, each a process of its own that does nothing else, with
bare sockets and epoll, so that five thousand events a second are little to it.

    python -m soak.crowd provider --interval SECONDS [--events N]     prints its port; ends its streams when its input ends
    python -m soak.crowd callers --port P --path PATH --streams N …   prints what it has seen, as JSON

Each event says when it was due, by the clock that all processes share, and what number in its stream it is."""

import argparse
import heapq
import json
import re
import select
import socket
import sys
import time

MODEL = "gpt-4o-mini"
REQUEST = {"model": MODEL, "stream": True, "max_completion_tokens": 500, "messages": [{"role": "user", "content": "Count for a minute"}]}
USAGE = {"prompt_tokens": 11, "completion_tokens": 60, "total_tokens": 71}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(choices, usage=None, **more):
    return json.dumps({
        "id": "chatcmpl-crowd", "object": "chat.completion.chunk", "created": 1795000000, "model": MODEL, "service_tier": "default",
        "choices": choices, "usage": usage} | more, separators=(",", ":")).encode()  # fmt: skip


WORD = b"data: " + event([{"index": 0, "delta": {"content": " and"}, "logprobs": None, "finish_reason": None}])[:-1]
END = chunk(b"data: " + event([{"index": 0, "delta": {}, "finish_reason": "stop"}]) + b"\n\n")
END += chunk(b"data: " + event([], USAGE) + b"\n\n") + chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"


class Provider:
    """The first event of a stream is due when its request is there, and each further one an interval later."""

    def __init__(self, interval, events):
        self.interval, self.events = interval, events
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=8192)
        self.listener.setblocking(False)
        self.epoll = select.epoll()
        self.epoll.register(self.listener, select.EPOLLIN)
        self.epoll.register(sys.stdin, select.EPOLLIN)
        self.connections, self.due, self.sent, self.is_ending = {}, [], 0, False

    def run(self):
        print(self.listener.getsockname()[1], flush=True)
        while not (self.is_ending and not self.due):
            # epoll itself waits for whole milliseconds.
            select.select([self.epoll], [], [], max(0, self.due[0][0] - time.monotonic()) if self.due else 0.1)
            for descriptor, _ in self.epoll.poll(0, 64):
                if descriptor == self.listener.fileno():
                    self.accept()
                elif descriptor == sys.stdin.fileno():
                    self.epoll.unregister(sys.stdin)
                    self.is_ending = True
                else:
                    self.read(descriptor)
            while self.due and self.due[0][0] <= time.monotonic():
                self.send(*heapq.heappop(self.due))
        print(json.dumps({"events": self.sent}), flush=True)

    def accept(self):
        try:
            while True:
                connection, _ = self.listener.accept()
                connection.setblocking(False)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections[connection.fileno()] = [connection, b""]
                self.epoll.register(connection, select.EPOLLIN)
        except BlockingIOError:
            pass

    def read(self, descriptor):
        connection, before = self.connections[descriptor]
        try:
            piece = connection.recv(65536)
        except ConnectionError:
            piece = b""
        if not piece:
            del self.connections[descriptor]
            self.epoll.unregister(descriptor)
            return connection.close()
        request = before + piece
        head, end, body = request.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        if not end or len(body) < int(length[1]):
            self.connections[descriptor][1] = request
            return None
        self.connections[descriptor][1] = b""
        connection.send(HEAD)
        return heapq.heappush(self.due, (time.monotonic(), descriptor, 0))

    def send(self, due, descriptor, number):
        if descriptor not in self.connections:
            return
        connection = self.connections[descriptor][0]
        is_last = self.is_ending or number == self.events
        if not is_last:
            heapq.heappush(self.due, (due + self.interval, descriptor, number + 1))
            self.sent += 1
        try:
            connection.send(END if is_last else chunk(b'%s,"due":%.6f,"number":%d}\n\n' % (WORD, due, number)))
        except ConnectionError:
            pass  # Its caller is told of as one that did not see the end.


class Caller:
    """One connection, and the stream that it has at the moment."""

    __slots__ = ("socket", "rest", "number", "asked", "last", "is_open")

    def __init__(self, connection):
        self.socket, self.rest, self.number, self.asked, self.last, self.is_open = connection, b"", 0, 0.0, None, False


class Callers:
    """So many streams, opened at an even pace; seen are those events that are due while all of them are open."""

    def __init__(self, options):
        self.options = options
        body = json.dumps(REQUEST).encode()
        self.request = (
            f"POST {options.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Workspace-Id: alpha\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode() + body)  # fmt: skip
        self.epoll, self.callers = select.epoll(), {}
        self.since = self.until = float("inf")
        self.firsts, self.late, self.gaps = [], [], []
        self.events = self.whole = 0
        self.troubles = []

    def run(self):
        started = time.monotonic()
        opened = 0
        while opened < self.options.streams or self.callers:
            now = time.monotonic()
            while opened < min(self.options.streams, (now - started) * self.options.pace + 1):
                self.open()
                opened += 1
            if self.since == float("inf") and opened == self.options.streams and all(caller.is_open for caller in self.callers.values()):
                self.since, self.until = now, now + self.options.seconds
                print("open", flush=True)
            if self.since < self.until <= now:
                self.until = self.since
                print("seen", flush=True)
            wait = 0.01 if opened < self.options.streams else 0.1
            for descriptor, _ in self.epoll.poll(wait, 256):
                self.read(descriptor)
        names = {"first": self.firsts, "late": self.late, "gap": self.gaps}
        print(json.dumps({
            "events": self.events, "whole": self.whole, "troubles": self.troubles[:5], "samples": {name: spread(v) for name, v in names.items()}
        }), flush=True)  # fmt: skip

    def open(self):
        connection = socket.create_connection(("127.0.0.1", self.options.port))
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.callers[connection.fileno()] = Caller(connection)
        self.epoll.register(connection, select.EPOLLIN)
        self.ask(self.callers[connection.fileno()])

    def ask(self, caller):
        caller.asked, caller.number, caller.last = time.monotonic(), 0, None
        caller.socket.send(self.request)

    def read(self, descriptor):
        caller = self.callers[descriptor]
        try:
            piece = caller.socket.recv(65536)
        except ConnectionError as error:
            piece = b""
            self.troubles.append(repr(error))
        now = time.monotonic()
        if not piece:
            return self.close(descriptor, "the connection was closed in the middle of a stream")
        text = caller.rest + piece
        # What is complete: events, and at the end the trailer.
        end = text.rfind(b"\n\n") + 2 if b"\n\n" in text else 0
        for part in text[:end].split(b'"due":')[1:]:
            due, _, number = part[: part.index(b"}")].partition(b',"number":')
            self.note(caller, float(due), int(number), now)
        caller.rest = text[end:]
        if b"\r\n0\r\n" in text and text.endswith(b"\r\n\r\n"):
            self.whole += 1
            caller.rest = b""
            if self.options.again and now < self.since + self.options.seconds:
                self.ask(caller)
            else:
                self.close(descriptor)
        elif not caller.is_open and not text.startswith(b"HTTP/1.1 200 "):
            self.close(descriptor, text[:500].decode(errors="replace"))
        return None

    def note(self, caller, due, number, now):
        if number != caller.number:
            self.troubles.append(f"event {number} came in the place of event {caller.number}")
        self.events += 1
        is_seen = self.since <= due < self.since + self.options.seconds
        if number == 0:
            caller.is_open = True
            if is_seen or not self.options.again:
                self.firsts.append(now - caller.asked)
        if is_seen:
            self.late.append(now - due)
            if caller.last is not None:
                self.gaps.append(abs((now - caller.last[0]) - (due - caller.last[1])))
        caller.last, caller.number = (now, due), number + 1

    def close(self, descriptor, trouble=None):
        if trouble:
            self.troubles.append(trouble)
        self.epoll.unregister(descriptor)
        self.callers.pop(descriptor).socket.close()


def spread(samples):
    """Milliseconds."""
    ordered = sorted(samples)
    if not ordered:
        return None
    at = {"p50": 0.5, "p99": 0.99, "p999": 0.999}
    return {name: 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))] for name, share in at.items()} | {
        "max": 1000 * ordered[-1], "count": len(ordered)}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(prog="python -m soak.crowd")
    roles = parser.add_subparsers(dest="role", required=True)
    provider = roles.add_parser("provider")
    provider.add_argument("--interval", type=float, required=True)
    provider.add_argument("--events", type=int)
    callers = roles.add_parser("callers")
    callers.add_argument("--port", type=int, required=True)
    callers.add_argument("--path", required=True)
    callers.add_argument("--streams", type=int, required=True)
    callers.add_argument("--seconds", type=float, required=True, help="how long events are seen once all streams are open")
    callers.add_argument("--pace", type=float, default=1000, help="streams opened a second")
    callers.add_argument("--again", action="store_true", help="a stream that has ended is asked for again")
    options = parser.parse_args()
    if options.role == "provider":
        Provider(options.interval, options.events).run()
    else:
        Callers(options).run()


if __name__ == "__main__":
    main()
