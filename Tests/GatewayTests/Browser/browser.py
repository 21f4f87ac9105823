"""Debian's chromium, driven over the DevTools protocol through a pipe: nothing but Python's standard library."""
import base64, json, os, shutil, signal, subprocess, tempfile, threading, time

PATIENCE = 20


class Browser:
    """One browser process. Its pages are made with `page`."""

    def __init__(self, executable="chromium"):
        self.folder = tempfile.mkdtemp(prefix="gateway-browser-")
        to_browser, self.writing = os.pipe()
        self.reading, from_browser = os.pipe()

        def give_pipes():
            # The browser reads from descriptor 3 and writes to 4, whatever numbers they have here.
            os.setsid()
            copies = [os.dup(to_browser), os.dup(from_browser)]
            high = [os.dup2(copy, 60 + index) for index, copy in enumerate(copies)]
            for place, descriptor in zip((3, 4), high):
                os.dup2(descriptor, place)

        self.process = subprocess.Popen(
            [executable, "--headless=new", "--remote-debugging-pipe", f"--user-data-dir={self.folder}", "--no-sandbox", "--no-first-run",
             "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--disable-default-apps", "--mute-audio", "--hide-scrollbars", "--force-color-profile=srgb", "--lang=en-US",
             "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "about:blank"],
            preexec_fn=give_pipes, close_fds=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": self.folder, "TZ": "UTC", "LANG": "C.UTF-8"})
        os.close(to_browser)
        os.close(from_browser)
        self.last, self.answers, self.listeners = 0, {}, {}
        self.changed = threading.Condition()
        self.isOpen = True
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.send("Browser.close")
            self.process.wait(5)
        except Exception:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self):
        rest = b""
        while chunk := os.read(self.reading, 1 << 16):
            *messages, rest = (rest + chunk).split(b"\0")
            for message in map(json.loads, messages):
                with self.changed:
                    if "id" in message:
                        self.answers[message["id"]] = message
                    elif listener := self.listeners.get(message.get("sessionId")):
                        listener(message["method"], message["params"])
                    self.changed.notify_all()
        with self.changed:
            self.isOpen = False
            self.changed.notify_all()

    def send(self, method, parameters=None, session=None):
        with self.changed:
            self.last += 1
            number = self.last
        message = {"id": number, "method": method, "params": parameters or {}}
        if session:
            message["sessionId"] = session
        os.write(self.writing, json.dumps(message).encode() + b"\0")
        with self.changed:
            if not self.changed.wait_for(lambda: number in self.answers or not self.isOpen, PATIENCE) or number not in self.answers:
                raise AssertionError(f"the browser does not answer {method}")
            answer = self.answers.pop(number)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def page(self, width=1440, height=1000, dark=False, still=False):
        return Page(self, width, height, dark, still)


class Page:
    """A tab, with all that it has asked for and complained about."""

    def __init__(self, browser, width, height, dark, still):
        self.browser = browser
        self.requests, self.complaints = [], []
        target = browser.send("Target.createTarget", {"url": "about:blank"})["targetId"]
        self.session = browser.send("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        browser.listeners[self.session] = self._heard
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")
        self.size(width, height)
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
                    {"name": "prefers-reduced-motion", "value": "reduce" if still else "no-preference"}]
        self.send("Emulation.setEmulatedMedia", {"features": features})

    def send(self, method, parameters=None):
        return self.browser.send(method, parameters, self.session)

    def _heard(self, method, parameters):
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            self.complaints.append(" ".join(str(each.get("value", each.get("description"))) for each in parameters["args"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.complaints.append(f"{parameters['entry']['text']} {parameters['entry'].get('url', '')}")

    def size(self, width, height):
        self.send("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    def open(self, address):
        self.send("Page.navigate", {"url": address})
        self.wait("a whole page", f"location.href === {json.dumps(address)} && document.readyState === 'complete'")

    def run(self, script):
        """The value of an expression, which may be a promise."""
        answer = self.send("Runtime.evaluate", {"expression": script, "returnByValue": True, "awaitPromise": True})
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise AssertionError(details.get("exception", {}).get("description") or details["text"])
        return answer["result"].get("value")

    def wait(self, what, script, seconds=PATIENCE):
        """Waits until an expression holds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if self.run(f"!!({script})"):
                    return
            except AssertionError as error:
                if "Execution context" not in str(error) and "Cannot find context" not in str(error):
                    raise
            time.sleep(0.03)
        raise AssertionError(f"never happened: {what}\n{self.run('document.body.innerText')}\n{self.complaints}")

    KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowDown": 40, "ArrowUp": 38, "Backspace": 8}

    def key(self, name, shift=False, control=False):
        # Other codes of characters stand for keys of their own.
        code = self.KEYS.get(name, ord(name[0].upper()) if name.isalnum() else 0)
        text = "\r" if name == "Enter" else name if len(name) == 1 and not control else None
        event = {"key": name, "code": name, "windowsVirtualKeyCode": code, "modifiers": (8 if shift else 0) | (2 if control else 0)}
        if control and name == "a":
            event["commands"] = ["selectAll"]
        self.send("Input.dispatchKeyEvent", {"type": "keyDown" if text else "rawKeyDown", **event, **({"text": text} if text else {})})
        self.send("Input.dispatchKeyEvent", {"type": "keyUp", **event})

    def type(self, text):
        for each in text:
            self.key(each)

    FOCUSED = "document.activeElement.getAttribute('aria-label') || document.activeElement.id"

    def reach(self, name):
        """Goes on with the Tab key to what has this label or id."""
        for _ in range(60):
            self.key("Tab")
            if self.run(self.FOCUSED) == name:
                return
        raise AssertionError(f"the Tab key does not reach {name}")

    def rows(self, body):
        """The texts of a table's cells, row by row."""
        return self.run(f"[...document.querySelectorAll('#{body} > tr:not(.empty)')].map(row => [...row.children].map(cell => cell.textContent))")

    def picture(self, path, whole=True):
        if whole:
            height = self.run("document.documentElement.scrollHeight")
            width = self.run("innerWidth")
            self.size(width, min(height, 6000))
        data = self.send("Page.captureScreenshot", {"format": "png"})["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
