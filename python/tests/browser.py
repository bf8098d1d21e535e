"""A real browser, driven by its own driver by the protocol of the W3C: Debian's chromium, or what chromedriver finds."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "ArrowDown": "\ue015", "ArrowUp": "\ue013", "ArrowLeft": "\ue012",
        "ArrowRight": "\ue014", "Tab": "\ue004", "Home": "\ue011", "End": "\ue010", "Shift": "\ue008",
        "Backspace": "\ue003", "PageDown": "\ue00f", "PageUp": "\ue00e"}  # fmt: skip
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_FLAGS = """
    --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars --force-device-scale-factor=1
""".split()


# The address of a driver, for those who have none of their own: in Wine there is no browser, but around it.
_elsewhere = os.environ.get("WEBDRIVER", "")


def is_installed() -> bool:
    return bool(_elsewhere or shutil.which("chromedriver"))


@contextlib.contextmanager
def driver() -> Iterator[str]:
    """The address of one that is started."""
    command = ["chromedriver", "--port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as started:
        assert started.stdout is not None
        try:
            for line in started.stdout:
                found = re.search(r"started successfully on port (\d+)", line)
                if found:
                    break
            else:
                raise RuntimeError("chromedriver has not started")
            yield f"http://127.0.0.1:{found[1]}"
        finally:
            started.terminate()


class Browser:
    def __init__(self, width: int = 1280, height: int = 800, flags: tuple[str, ...] = ()) -> None:
        self._started = contextlib.ExitStack()
        arguments = [*_FLAGS, f"--window-size={width},{height}", *flags]
        if not _elsewhere:
            profile = tempfile.mkdtemp(prefix="browser")
            self._started.callback(shutil.rmtree, profile, ignore_errors=True)
            arguments.append(f"--user-data-dir={profile}")
        self._address = _elsewhere or self._started.enter_context(driver())
        options = {"args": arguments}
        capabilities = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
        self._session = f"/session/{made['sessionId']}"

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        with self._started:
            self._ask("DELETE", self._session)

    def open(self, page: Path, fragment: str = "") -> None:
        """Waits until the logs are there."""
        self.show(page, fragment)
        self.wait_for("return ['ready', 'prepared', 'failed'].includes(document.documentElement.dataset.state)")

    def show(self, page: Path, fragment: str = "") -> None:
        for address in "about:blank", _uri(page) + fragment:
            self._ask("POST", f"{self._session}/url", {"url": address})

    def run(self, script: str, *arguments: object) -> Any:
        return self._ask("POST", f"{self._session}/execute/sync", {"script": script, "args": list(arguments)})

    def wait_for(self, script: str, *arguments: object, seconds: float = 30) -> Any:
        deadline = time.monotonic() + seconds
        while True:
            found = self.run(script, *arguments)
            if found:
                return found
            assert time.monotonic() < deadline, f"never: {script}"
            time.sleep(0.02)

    def click(self, selector: str) -> None:
        self._ask("POST", f"{self._session}/element/{self._element(selector)}/click", {})

    def type(self, selector: str, text: str) -> None:
        self._ask("POST", f"{self._session}/element/{self._element(selector)}/value", {"text": text})

    def press(self, *keys: str) -> None:
        """Together, the last one after the others: press("Shift", "e")."""
        codes = [KEYS.get(key, key) for key in keys]
        actions = [{"type": "keyDown", "value": code} for code in codes]
        actions += [{"type": "keyUp", "value": code} for code in reversed(codes)]
        keyboard = {"type": "key", "id": "keyboard", "actions": actions}
        self._ask("POST", f"{self._session}/actions", {"actions": [keyboard]})

    def drag(self, selector: str, *points: tuple[int, int], button: int = 0, is_held: bool = False) -> None:
        """Over points relative to the element's middle; one point is a click."""
        over, *further = self._moves(selector, *points)
        self._use_mouse(over, {"type": "pointerDown", "button": button}, *further)
        if not is_held:
            self.release(button)

    def release(self, button: int = 0) -> None:
        self._use_mouse({"type": "pointerUp", "button": button})

    def hover(self, selector: str, *points: tuple[int, int]) -> None:
        self._use_mouse(*self._moves(selector, *points))

    def _moves(self, selector: str, *points: tuple[int, int]) -> list[dict[str, object]]:
        origin = {_ELEMENT: self._element(selector)}
        return [{"type": "pointerMove", "duration": 20, "origin": origin, "x": x, "y": y} for x, y in points]

    def _use_mouse(self, *actions: dict[str, object]) -> None:
        mouse = {"type": "pointer", "id": "mouse", "actions": actions}
        self._ask("POST", f"{self._session}/actions", {"actions": [mouse]})

    def devtools(self, command: str, **parameters: object) -> Any:
        return self._ask("POST", f"{self._session}/goog/cdp/execute", {"cmd": command, "params": parameters})

    def be_dark(self, is_dark: bool = True) -> None:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self.devtools("Emulation.setEmulatedMedia", features=[scheme])

    def messages(self) -> list[str]:
        """What the page has complained about."""
        return [entry["message"] for entry in self._ask("POST", f"{self._session}/se/log", {"type": "browser"})]

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._ask("GET", f"{self._session}/screenshot")))

    def _element(self, selector: str) -> str:
        found = self._ask("POST", f"{self._session}/element", {"using": "css selector", "value": selector})
        return found[_ELEMENT]

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._address + path, data, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"]) from None


def _uri(page: Path) -> str:
    if not _elsewhere:
        return page.resolve().as_uri()
    path = subprocess.run(["winepath", "-u", page], check=True, stdout=subprocess.PIPE, text=True).stdout
    return "file://" + urllib.parse.quote(path.strip())
