"""A webhook that checks signatures by Python's own HMAC, and misbehaves as the path that is asked for says.

Usage: receiver.py PORT SECRET LOG. Prints the port that it listens on; ends with its standard input. A line of LOG is one request.
/ok is acknowledged, /switch answers with the status in the file `switch` beside LOG.
"""

import hashlib
import hmac
import http.server
import json
import os
import pathlib
import sys
import threading
import time

port, secret, log = int(sys.argv[1]), sys.argv[2].encode(), pathlib.Path(sys.argv[3])
lock = threading.Lock()


# How receivers are told to verify a signature is how this one does.
readme = pathlib.Path(__file__).parents[3] / "README.md"
exec(readme.read_text().split("```python\n", 1)[1].split("```", 1)[0])


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        entry = {
            "path": self.path,
            "type": self.headers["Content-Type"],
            "verified": verified(self.headers["X-Gateway-Signature"], body, secret),
            "body": json.loads(body),
        }
        with lock, log.open("a") as file:
            file.write(json.dumps(entry) + "\n")
        match self.path.split("?")[0]:
            case "/hang":
                time.sleep(3600)
            case "/garbage":
                self.wfile.write(b"\0\0 not HTTP \xff\r\n\r\n")
                self.close_connection = True
            case "/endless":
                self.send_response(202)
                self.end_headers()
                while True:
                    self.wfile.write(b"x" * 65536)
            case "/redirect":
                self.answer(307, Location="/stolen")
            case "/500":
                self.answer(500)
            case "/switch":
                self.answer(int((log.parent / "switch").read_text()))
            case _:
                self.answer(204)

    def answer(self, status, **fields):
        self.send_response(status)
        for name, value in {"Content-Length": "0", **fields}.items():
            if status != 204 or name != "Content-Length":
                self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_):
        pass


def end_with_input():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_input, daemon=True).start()
server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Receiver)
server.handle_error = lambda *_: None  # A caller that goes away is no news.
print(server.server_address[1], flush=True)
server.serve_forever()
