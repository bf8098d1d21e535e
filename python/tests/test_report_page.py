"""The page, in a real browser."""

import json
import re

import pytest

import browser as browsers
from browser import Browser
from chainner_logger import report
from conftest import write_log

pytestmark = pytest.mark.skipif(not browsers.is_installed(), reason="chromedriver is not installed")

HOSTILE = '</script><img src=x onerror="hacked=1"><b>bold</b> <!-- &amp; \' " \\ `${1}` @@DATA@@ 名前 😀 \\u2028'


def line(time, pid, level, text):
    return f"2025-10-{time} [{pid}] [{level}] {text}\n"


def origin(role, pid, offset="+02:00"):
    return f"Role: {role}, process: {pid}, started: x, application: 0.24, chaiNNer logger: 0.1.0, system: Linux 6, UTC offset: {offset}"


WORKER = "".join([
    line("25 23:50:00.000", 20, "INFO", "Logger initialized for worker process. Log file: x"),
    line("25 23:50:00.000", 20, "INFO", origin("worker", 20)),
    line("25 23:50:01.000", 20, "DEBUG", "first"),
    line("25 23:50:02.000", 20, "ERROR", "failed:\n\tTraceback\n\t  line 3\n\tValueError: Needle"),
    line("25 23:50:03.000", 20, "INFO", HOSTILE),
    line("25 23:55:03.000", 20, "WARNING", "after five minutes"),
    line("26 00:10:00.000", 20, "CRITICAL", "Crashed: SIGSEGV (11) at address 0x0\n\tat x+0x1"),
    line("26 00:10:01.000", 21, "INFO", "Logger initialized for worker process. Log file: x"),
    line("26 00:10:01.000", 21, "INFO", origin("worker", 21)),
    line("26 00:10:02.000", 21, "TRACE", "needle in a haystack"),
    line("26 00:10:03.000", 21, "INFO", "Logger closed for worker process"),
])  # fmt: skip
HOST = "".join([
    line("25 23:50:00.000", 10, "INFO", "Logger initialized for host process. Log file: x"),
    line("25 23:50:00.000", 10, "INFO", origin("host", 10)),
    line("26 00:10:00.500", 10, "ERROR", "Worker process 20 ended"),
    "no record \x1b[31m\n",
    *(line(f"26 00:11:{number // 10:02}.{number % 10}00", 10, "DEBUG", f"number {number}") for number in range(500)),
])  # fmt: skip
MAIN = "[2025-10-25 23:50:00.500] [info]  Electron is ready\n[2025-10-25 23:50:00.600] [warn]  slow\n    at x\n"
ALL = 11 + 504 + 2


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    logs = folder / "logs"
    logs.mkdir()
    for name, text in {"worker.log": WORKER, "host.log": HOST, "main.log": MAIN}.items():
        write_log(logs / name, text)
    path = folder / "logs [1] & #%.html"
    path.write_bytes(report(folder / "out.zip", logs).page)
    return path


@pytest.fixture(scope="module")
def chromium():
    with Browser() as started:
        yield started


@pytest.fixture
def opened(chromium, page):
    chromium.open(page)
    yield chromium
    assert chromium.messages() == []


def shown(browser):
    """The texts of the records in the window."""
    browser.run("drawRows()")
    return browser.run("return [...document.querySelectorAll('.row:not(.more) .text')].map(each => each.textContent)")


def labels(browser):
    browser.run("drawRows()")
    return browser.run(
        "return [...document.querySelectorAll('.label')].map(each => each.innerText.replace(/\\s+/g, ' '))"
    )


def count(browser):
    return browser.run("return visible.length")


def selected(browser):
    return browser.run("return state.record < 0 ? null : rawOf(state.record)")


def fragment(browser):
    return browser.run("return location.hash")


def find(browser, text):
    browser.run("document.getElementById('query').value = ''")
    browser.type("#query", text)
    browser.wait_for("return state.q === arguments[0]", text)


def test_it_opens_without_a_network_and_says_what_is_in_it(opened):
    assert opened.run("return document.title") == "chaiNNer logs"
    text = opened.run("return document.getElementById('summary').textContent")
    assert f"{ALL} records" in text and "3 sessions" in text and "2025-10-25 23:50:00 – 2025-10-26 00:11:49" in text
    assert opened.run("return performance.getEntriesByType('resource').length") == 0
    assert opened.run("return document.querySelector('#data')") is None


def test_nothing_could_be_loaded_even_if_a_record_made_the_page_try(chromium, page):
    chromium.open(page)
    chromium.run("document.body.append(Object.assign(new Image(), { src: 'http://127.0.0.1:9/x.png' }))")
    chromium.run("document.body.append(Object.assign(document.createElement('script'), { textContent: 'hacked = 1' }))")
    assert chromium.run("return typeof hacked") == "undefined"
    assert any("Content Security Policy" in each for each in chromium.messages())


def test_host_worker_and_frontend_are_merged_by_time(opened):
    texts = shown(opened)
    assert texts[:2] == ["Logger initialized for worker process. Log file: x", origin("worker", 20)]
    assert texts[4:8] == ["Electron is ready", "slow", "first", "failed:"]


def test_text_is_data_everywhere(opened):
    find(opened, "<b>bold")
    assert (
        shown(opened) == [HOSTILE]
        and opened.run("return document.querySelector('#rows mark').textContent") == "<b>bold"
    )
    opened.click(".row")
    assert opened.run("return document.getElementById('raw').textContent").endswith(HOSTILE)
    assert opened.run("return typeof hacked") == "undefined"
    assert opened.run("return document.querySelectorAll('img, .text b, #raw b, #findings i').length") == 0
    find(opened, "no record")
    assert shown(opened) == ["no record \x1b[31m"]


def test_sessions_crashes_gaps_and_days_are_marked(opened):
    found = labels(opened)
    assert found[0] == "Saturday, 25 October 2025 UTC+02:00"
    assert "▸ worker 20 begins · application 0.24 · chaiNNer logger 0.1.0 · Linux 6" in found
    assert "5 min 00 s without a record" in found
    assert "Sunday, 26 October 2025 UTC+02:00" in found
    assert "✕ worker 20 crashed: SIGSEGV (11) at address 0x0" in found
    opened.run("state.process = '21'; changed()")
    assert labels(opened)[-1] == "■ worker 21 closed in good order"


def test_a_click_on_the_crash_shows_why_it_crashed_among_all_records(opened):
    opened.run("state.levels = [1]; changed()")
    opened.click(".finding.crash")
    assert selected(opened).endswith("Crashed: SIGSEGV (11) at address 0x0\n\tat x+0x1")
    assert count(opened) == ALL and "Worker process 20 ended" in shown(opened)
    facts = opened.run("return document.getElementById('facts').textContent")
    assert "2025-10-26 00:10:00.000 UTC+02:00" in facts and "worker 20" in facts and "worker.log, line 10" in facts


def test_filters_by_level_role_process_and_text_are_in_the_address(opened):
    opened.click("[data-level='1']")
    assert count(opened) == ALL - 501 and "level=TRACE,INFO,WARNING,ERROR,CRITICAL,other" in fragment(opened).replace(
        "%2C", ","
    )
    opened.click("[data-level='1']")
    opened.click("[data-role=host]")
    assert count(opened) == 13 and fragment(opened).replace("%2C", ",") == "#role=worker,main"
    opened.click("#reset")
    opened.run("const it = document.getElementById('process'); it.value = '21'; it.dispatchEvent(new Event('change'))")
    assert count(opened) == 4 and fragment(opened) == "#process=21"
    opened.click("#reset")
    find(opened, "NEEDLE")
    assert count(opened) == 2 and fragment(opened) == "#text=NEEDLE"
    opened.click("#case")
    assert (
        count(opened) == 0
        and opened.run("return document.getElementById('matches').textContent") == f"0 of {ALL} records"
    )
    assert "No record passes" in opened.run("return document.getElementById('list').innerText")


def test_text_may_be_a_regular_expression(opened):
    opened.click("#regex")
    find(opened, r"^\S+ \S+ \[10\].*number \d*7$")
    assert count(opened) == 50 and "regex=1" in fragment(opened)
    find(opened, "(")
    assert opened.run("return document.getElementById('query').getAttribute('aria-invalid')") == "true"
    assert "Invalid regular expression" in opened.run("return document.getElementById('query').title")
    assert count(opened) == ALL


def test_a_view_can_be_sent_as_a_fragment(chromium, page):
    chromium.open(
        page, "#text=number&level=DEBUG&role=host&from=2025-10-25T22:11:10.000Z&to=2025-10-25T22:11:19.950Z&record=200"
    )
    assert count(chromium) == 100 and chromium.run("return rawOf(visible[0])").endswith("number 100")
    assert chromium.run("return document.getElementById('query').value") == "number"
    assert not chromium.run("return document.getElementById('detail').classList.contains('hidden')")
    chromium.open(page, "#record=99999999&level=nonsense&from=x&process=1e9&role=")
    assert chromium.run("return document.documentElement.dataset.state") != "failed"
    assert chromium.messages() == []


def test_next_and_previous_error_by_key(opened):
    found = []
    for _ in range(4):
        opened.press("e")
        found.append(selected(opened).split("] ")[2].split("\n")[0])
    assert found == [
        "failed:",
        "Crashed: SIGSEGV (11) at address 0x0",
        "Worker process 20 ended",
        "Worker process 20 ended",
    ]
    opened.press("Shift", "E")
    assert "Crashed" in selected(opened)


def test_further_lines_are_folded(opened):
    assert "  line 3" not in shown(opened)
    opened.click("[data-fold]")
    more = "return [...document.querySelectorAll('.row.more .text')].map(each => each.textContent)"
    assert opened.run("drawRows();" + more) == ["    at x"]
    opened.press("u")
    opened.run("drawRows()")
    assert "ValueError: Needle" in opened.run(more)
    opened.press("u")
    assert opened.run("drawRows();" + more) == []


def test_a_record_is_copied_as_it_stood(opened):
    opened.run(
        "Object.defineProperty(navigator, 'clipboard', { value: { writeText: async text => { window.copied = text; } } })"
    )
    opened.press("e")
    opened.press("c")
    expected = "2025-10-25 23:50:02.000 [20] [ERROR] failed:\n\tTraceback\n\t  line 3\n\tValueError: Needle"
    assert opened.wait_for("return window.copied") == expected


def test_the_keyboard_is_enough(opened):
    reached = []
    for _ in range(40):
        opened.press("Tab")
        reached.append(opened.run("const it = document.activeElement; return it.id || it.textContent"))
    wanted = {
        "about-button",
        "keys-button",
        "chart",
        "query",
        "case",
        "regex",
        "process",
        "previous",
        "next",
        "unfold",
        "list",
    }
    assert wanted <= set(reached)
    opened.press("/")
    assert opened.run("return document.activeElement.id") == "query"
    opened.press("Enter")
    assert opened.run("return document.activeElement.id") == "list"
    for key in "ArrowDown", "ArrowDown", "ArrowUp":
        opened.press(key)
    assert selected(opened).endswith(origin("worker", 20))
    active = opened.run("drawRows(); return document.getElementById('list').getAttribute('aria-activedescendant')")
    assert opened.run("return document.getElementById(arguments[0]).getAttribute('aria-selected')", active) == "true"
    opened.press("End")
    assert "number 499" in selected(opened) and shown(opened)[-1] == "number 499"
    opened.press("Escape")
    assert selected(opened) is None
    opened.press("?")
    assert opened.run("return document.querySelector('#keys').open")


def test_the_chart_is_a_filter_by_mouse_and_by_key(opened):
    width = opened.run("return document.getElementById('chart').clientWidth")
    opened.drag("#chart", (width // 2 - 150, -20), (width // 2 - 2, -20))
    assert 0 < count(opened) < ALL
    assert "from=" in fragment(opened) and "to=" in fragment(opened)
    zoomed = count(opened)
    opened.drag("#chart", (width // 2 - 30, -20))
    assert 0 < count(opened) < zoomed
    opened.click("#range")
    assert count(opened) == ALL
    opened.press("t")
    opened.press("Home")
    assert "ERROR" in opened.run("return document.getElementById('chart').getAttribute('aria-valuetext')")
    opened.press("Enter")
    assert 0 < count(opened) < 20
    opened.press("Backspace")
    opened.press("Backspace")
    for _ in range(6):
        opened.press("Backspace")
    assert count(opened) == ALL


def test_everything_has_a_name_for_those_who_do_not_see_it(opened):
    opened.press("e")
    tree = opened.devtools("Accessibility.getFullAXTree")["nodes"]
    kinds = {"button", "textbox", "combobox", "slider", "listbox", "option", "dialog", "searchbox", "MenuListPopup"}
    nameless = [
        node["role"]["value"]
        for node in tree
        if not node["ignored"]
        and node["role"]["value"] in kinds - {"MenuListPopup"}
        and not node.get("name", {}).get("value")
    ]
    assert nameless == []
    assert {"slider", "listbox", "option", "textbox"} <= {node["role"]["value"] for node in tree if not node["ignored"]}


CONTRAST = """
    const numbers = text => text.match(/[\\d.]+/g).map(Number);
    const over = ([r, g, b, a = 1], below) => [r, g, b].map((value, i) => value * a + below[i] * (1 - a));
    const light = colour => {
        const [r, g, b] = colour.map(value => value / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
        return .2126 * r + .7152 * g + .0722 * b;
    };
    const background = element => {
        if (!element) return [255, 255, 255];
        return over(numbers(getComputedStyle(element).backgroundColor), background(element.parentElement));
    };
    const poor = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement, style = getComputedStyle(element);
        if (!walker.currentNode.data.trim() || !element.getClientRects().length || element.closest(':disabled')) continue;
        const below = background(element);
        const colour = over([...numbers(style.color).slice(0, 3), Number(style.opacity)], below);
        const [a, b] = [light(colour), light(below)].sort((x, y) => y - x);
        if ((a + .05) / (b + .05) < 4.5) poor.push(element.className + ': ' + walker.currentNode.data.trim().slice(0, 20) + ' ' + ((a + .05) / (b + .05)).toFixed(2));
    }
    return poor;
"""


@pytest.mark.parametrize("is_dark", [False, True])
def test_all_text_has_the_contrast_of_aa(opened, is_dark):
    opened.be_dark(is_dark)
    opened.press("u")
    opened.press("e")
    opened.run("drawRows()")
    assert opened.run(CONTRAST) == []
    find(opened, "e")
    opened.click("[data-level='1']")
    opened.run("drawRows()")
    assert opened.run(CONTRAST) == []
    opened.be_dark(False)


def test_an_old_browser_unpacks_it_too(page):
    with Browser() as old:
        script = "delete window.DecompressionStream; delete Uint8Array.fromBase64;"
        old.devtools("Page.addScriptToEvaluateOnNewDocument", source=script)
        old.open(page)
        assert old.run("return typeof DecompressionStream") == "undefined"
        assert count(old) == ALL and shown(old)[7] == "failed:"
        assert old.messages() == []


def test_many_records_are_scrolled_through_to_the_end(chromium, tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    text = "".join(
        line(
            f"{25 + n // 43200000} {n // 3600000 % 24:02}:{n // 60000 % 60:02}:{n // 1000 % 60:02}.{n % 1000:03}",
            1,
            "INFO",
            f"{n} ü" if n % 99 == 0 else str(n),
        )
        for n in range(60_000)
    )
    write_log(logs / "worker.log", text)
    page = tmp_path / "logs.html"
    page.write_bytes(report(tmp_path / "out.zip", logs).page)
    chromium.open(page)
    chromium.run("document.getElementById('list').scrollTop = 1e9")
    assert shown(chromium)[-1] == "59999"
    chromium.run("select(30000, true)")
    assert "30000" in shown(chromium)
    find(chromium, "59994 ü")
    assert shown(chromium) == ["59994 ü"]
    assert json.loads(chromium.run("return JSON.stringify(about.sessions.map(each => each.records))")) == [60_000]
    assert re.search(r"1 of 60,000", chromium.run("return document.getElementById('matches').textContent"))
