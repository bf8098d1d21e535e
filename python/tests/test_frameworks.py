"""The examples of doc/frameworks.md run with the real frameworks: what these say is in the log, which is closed at the end."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from conftest import is_windows, parse_log, texts, wait_until

page = Path(__file__).parents[2] / "doc" / "frameworks.md"

# The file in which the example stands, and what is run.
services = {
    "uvicorn": ("service.py", ["service.py"]),
    "FastAPI": ("service.py", ["service.py"]),
    "gunicorn": ("gunicorn.conf.py", ["-m", "gunicorn", "wsgi:app"]),
    "Sanic": ("service.py", ["service.py"]),
    "aiohttp": ("service.py", ["service.py"]),
    "Django": ("settings.py", ["-m", "django", "runserver", "--noreload", "8000"]),
}
others = {
    "wsgi.py": """
def app(environment, start_response):
    start_response("200 OK", [])
    return [b"hello"]
""",
    "urls.py": """
from django.http import HttpResponse
from django.urls import path
urlpatterns = [path("", lambda request: HttpResponse("hello"))]
""",
    "settings.py": """
DEBUG = True
SECRET_KEY = "of a test"
ROOT_URLCONF = "urls"
""",
}
# What a framework says of itself, and of a request.
said = {
    "uvicorn": ["Started server process", '"GET / HTTP/1.1" 200', "Finished server process"],
    "FastAPI": ["Started server process", "asked for the index", '"GET / HTTP/1.1" 200', "Finished server process"],
    "gunicorn": ["Listening at", "Booting worker", '"GET / HTTP/1.1" 200', "Worker exiting", "Shutting down"],
    "Sanic": ["Goin' Fast", "asked for the index", "request: GET http://127.0.0.1", "Server Stopped"],
    "aiohttp": ['"GET / HTTP/1.1" 200'],
    "Django": ['"GET / HTTP/1.1" 200', "/absent"],
}


def example(framework):
    if not page.exists():
        pytest.skip("the documentation is in the repository alone")
    section = page.read_text(encoding="utf-8").partition(f"\n## {framework}\n")[2].partition("\n#")[0]
    return re.search(r"^```python[^\n]*\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)[1]


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def answer(address):
    try:
        with urllib.request.urlopen(address, timeout=10) as response:
            return response.read().decode().strip('"')
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


@pytest.mark.skipif(is_windows, reason="there nobody can ask a process to end in good order")
@pytest.mark.parametrize("framework", services)
def test_the_example_of_the_documentation_works(programs, frameworks_folder, framework):
    file, command = services[framework]
    if not (frameworks_folder / framework.lower()).exists():
        pytest.skip("it is tried in the developers' build alone")
    port = str(free_port())
    for name, text in others.items():
        (programs.folder / name).write_text(text)
    with (programs.folder / file).open("a") as service:
        service.write(example(framework).replace("8000", port))
    programs.environment.update(
        PYTHONPATH=os.pathsep.join([programs.environment.get("PYTHONPATH", ""), str(frameworks_folder)]),
        DJANGO_SETTINGS_MODULE="settings",
    )
    program = subprocess.Popen(
        [sys.executable, *(each.replace("8000", port) for each in command)],
        cwd=programs.folder,
        env=programs.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        address = f"http://127.0.0.1:{port}/"
        assert wait_until(lambda: program.poll() is not None or answer(address) == "hello"), "no answer"
        assert answer(address) == "hello", program.communicate()
        assert answer(address + "absent") in (404, "hello")
        program.send_signal(signal.SIGTERM)
        output, _ = program.communicate(timeout=60)
    finally:
        program.kill()

    logs = {path.name: path.read_text(encoding="utf-8") for path in programs.logs.glob("*.log")}
    everything = [text for log in logs.values() for text in texts(parse_log(log))]
    for each in said[framework]:
        assert any(each in text for text in everything), (each, everything)
        assert each in output
        shown = [line for line in output.splitlines() if each in line]
        assert all(re.match(r"\[\d\d:\d\d:\d\d\] \[\d+\] \[\w+\] ", line) for line in shown), shown
    assert not any("Uncaught" in text for text in everything)
    for name, log in logs.items():
        assert re.search(r"\[INFO\] Logger closed for (host|worker) process\n$", log), (name, log)
