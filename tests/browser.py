"""A headless Chromium, driven over its debugging pipe: no driver library, no port, no network."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

PROGRAM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-extensions --hide-scrollbars --remote-debugging-pipe"
).split()


class Browser:
    """One page in a browser of its own. ``errors``: what the console complained of, and every address it asked for."""

    def __init__(self, folder: Path, *, width: int, height: int, dark: bool = False) -> None:
        command_read, self._to = os.pipe()
        self._from, answer_write = os.pipe()

        def place_pipes() -> None:  # Chromium reads commands from 3 and writes answers to 4
            high = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (command_read, answer_write)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        self._process = subprocess.Popen(
            [PROGRAM, *FLAGS, f"--user-data-dir={folder / 'profile'}", "about:blank"],
            preexec_fn=place_pipes, close_fds=False, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(command_read)
        os.close(answer_write)
        self._rest, self._number, self.errors, self.addresses, self._events = b"", 0, [], [], []
        pages = self._send("Target.getTargets", session=None)["targetInfos"]
        target = next(page["targetId"] for page in pages if page["type"] == "page")
        attached = self._send("Target.attachToTarget", {"targetId": target, "flatten": True}, session=None)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._send(f"{domain}.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._send("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._send("Emulation.setEmulatedMedia", {"features": [scheme]})

    def open(self, address: str) -> None:
        """Load a page and wait until it is there."""
        for url in ("about:blank", address):  # else another fragment of the same page loads nothing
            self._events.clear()
            self._send("Page.navigate", {"url": url})
            while "Page.loadEventFired" not in self._events:
                self._take(self._receive())
        self.evaluate("Promise.all([...document.images].map((image) => image.decode().catch(() => 0))).then(() => 0)")

    def evaluate(self, script: str) -> object:
        """The value of an expression in the page."""
        asked = {"expression": script, "returnByValue": True, "awaitPromise": True}
        answer = self._send("Runtime.evaluate", asked)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """Press a key as a person does: ``ArrowLeft``, ``ArrowRight``, ``Tab``, or one that writes, such as a space."""
        codes = {"ArrowLeft": 37, "ArrowRight": 39, "Tab": 9, " ": 32}
        event = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": codes[key]}
        self._send("Input.dispatchKeyEvent", {"type": "keyDown", **event, **({"text": key} if key == " " else {})})
        self._send("Input.dispatchKeyEvent", {"type": "keyUp", **event})

    def picture(self, *, whole: bool = False) -> bytes:
        """A PNG of what is in view, or of the whole page."""
        shot = self._send("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": whole})
        return base64.b64decode(shot["data"])

    def close(self) -> None:
        """End the browser."""
        with contextlib.suppress(OSError):
            self._send("Browser.close", session=None)
        os.close(self._to)
        os.close(self._from)
        self._process.kill()
        self._process.wait(timeout=30)

    def _send(self, method: str, params: dict | None = None, session: str | None = "") -> dict:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params or {}}
        if session is not None:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            answer = self._receive()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]
            self._take(answer)
        raise TimeoutError(method)

    def _receive(self) -> dict:
        while b"\0" not in self._rest:
            data = os.read(self._from, 1 << 20)
            if not data:
                raise OSError("the browser ended")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\0")
        return json.loads(line)

    def _take(self, event: dict) -> None:
        method, params = event.get("method", ""), event.get("params", {})
        self._events.append(method)
        if method in ("Runtime.exceptionThrown", "Log.entryAdded") or (
            method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert")
        ):
            self.errors.append(params)
        if method == "Network.requestWillBeSent":
            self.addresses.append(params["request"]["url"])


def assert_opens(page: Path, folder: Path) -> None:
    """The page is shown on a desk and on a phone without an error, and nothing sticks out sideways."""
    if PROGRAM is None:
        return
    for width in (1440, 390):
        browser = Browser(folder, width=width, height=900)
        try:
            browser.open(page.as_uri())
            assert browser.evaluate("document.documentElement.scrollWidth") == width
            assert browser.errors == []
        finally:
            browser.close()
