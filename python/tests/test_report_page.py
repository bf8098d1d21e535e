"""The page, in a real browser."""

import contextlib
import json
import re

import pytest

import browser as browsers
from browser import Browser
from chainner_logger import report
from chainner_logger._report.page_style import STYLE
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
STACKS = """2025-10-26 00:10:00.000 [20] [CRITICAL] Crashed: SIGSEGV (11) at address 0x0
Fatal Python error: Segmentation fault

Current thread 0x1 (most recent call first):
  File "/app/upscale.py", line 52 in upscale
"""
ALL = 11 + 504 + 2


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    logs = folder / "logs"
    logs.mkdir()
    for name, text in {"worker.log": WORKER, "worker.crash.txt": STACKS, "host.log": HOST, "main.log": MAIN}.items():
        write_log(logs / name, text)
    path = folder / "logs [1] & #%.html"
    path.write_bytes(report(folder / "out.zip", logs).page)
    return path


@pytest.fixture(scope="module")
def chromium():
    with Browser() as started:
        yield started


@pytest.fixture
def first_seen(chromium, page):
    """As it opens."""
    chromium.open(page)
    yield chromium
    assert chromium.messages() == []


@pytest.fixture
def opened(first_seen):
    """At the first record, with none chosen."""
    first_seen.press("Escape")
    first_seen.run("document.getElementById('list').scrollTop = 0")
    return first_seen


@contextlib.contextmanager
def wide(browser, width, height=844):
    browser.devtools(
        "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
    )
    try:
        browser.wait_for("return innerWidth === arguments[0]", width)
        # In the first frame the page learns of its size, and in the next one it has what it draws for that.
        browser.run("window.isDrawn = false; requestAnimationFrame(() => requestAnimationFrame(() => { isDrawn = true; }))")
        browser.wait_for("return isDrawn")
        yield
    finally:
        browser.devtools("Emulation.clearDeviceMetricsOverride")


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
    text = opened.run("return document.getElementById('summary').textContent.replaceAll('\\u00a0', ' ')")
    assert (
        f"{ALL} records" in text
        and "3 sessions" in text
        and "2025-10-25 23:50:00 – 2025-10-26 00:11:49 UTC+02:00" in text
    )
    assert opened.run("return document.getElementById('origin').textContent") == "Version 0.24  on Linux 6"
    assert opened.run("return performance.getEntriesByType('resource').length") == 0
    assert opened.run("return document.querySelector('#data')") is None


def test_a_browser_need_not_guess_its_encoding(page):
    assert b'<meta charset="utf-8">' in page.read_bytes()[:1024]  # it looks no further


def test_nothing_could_be_loaded_even_if_a_record_made_the_page_try(chromium, page):
    chromium.open(page)
    chromium.run("""
        window.refused = [];
        document.addEventListener('securitypolicyviolation', event => refused.push(event.effectiveDirective));
        const add = (name, what) => document.body.appendChild(Object.assign(document.createElement(name), what));
        add('img', { src: 'http://127.0.0.1:9/x.png' });
        add('script', { textContent: 'hacked = 1' });
        add('style', { textContent: 'body { color: red; }' });
        add('base', { href: 'http://127.0.0.1:9/' });
        add('form', { action: 'http://127.0.0.1:9/' }).submit();
        fetch('http://127.0.0.1:9/').catch(() => {});
    """)
    expected = ["base-uri", "connect-src", "form-action", "img-src", "script-src-elem", "style-src-elem"]
    assert chromium.wait_for("return refused.length === arguments[0] && refused.sort()", len(expected)) == expected
    assert chromium.run("return typeof hacked") == "undefined"
    assert len(chromium.messages()) >= len(expected)


def test_where_no_script_may_run_the_page_says_what_it_needs(page):
    with Browser() as browser:
        browser.devtools("Emulation.setScriptExecutionDisabled", value=True)
        browser.show(page)
        told = browser.run("return document.body.innerText")
    assert told == "Opening the logs … This page needs JavaScript to show them. It is all in this file; nothing is loaded."


def test_a_telephone_shows_the_page_as_wide_as_it_is(chromium, page):
    chromium.devtools(
        "Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=2, mobile=True
    )
    try:
        chromium.open(page)
        chromium.wait_for("return innerWidth === 390")
        assert chromium.run("return [$('chart').width, $('chart').clientWidth]") == [2 * (390 - 18), 390 - 18]
    finally:
        chromium.devtools("Emulation.clearDeviceMetricsOverride")


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


def test_how_long_nothing_was_logged_is_told_in_two_units(opened):
    spans = [0, 119, 120, 7199, 7200, 172_799, 172_800, 187_200]
    assert opened.run("return arguments[0].map(each => spanText(1000 * each))", spans) == [
        "0 s", "119 s", "2 min 00 s", "119 min 59 s", "2 h 00 min", "47 h 59 min", "2 days 0 h", "2 days 4 h",
    ]  # fmt: skip


def test_sessions_crashes_gaps_and_days_are_marked(opened):
    found = labels(opened)
    assert found[0] == "Saturday, 25 October 2025 UTC+02:00"
    assert "▸ worker 20 begins · application 0.24 · chaiNNer logger 0.1.0 · Linux 6" in found
    assert "5 min 00 s without a record" in found
    assert "Sunday, 26 October 2025 UTC+02:00" in found
    opened.run("goTo(about.problems[0].at[0])")
    assert "✕ worker 20 crashed: SIGSEGV (11) at address 0x0" in labels(opened)
    opened.run("state.process = '21'; changed()")
    assert labels(opened)[-1] == "■ worker 21 closed in good order"


def test_a_click_on_the_crash_shows_why_it_crashed_among_all_records(opened):
    for level in 1, 0:  # whose records come before it and after it, and only after it
        opened.run(f"state.levels = [{level}]; changed()")
        opened.click(".finding.crash")
        assert selected(opened).endswith(CRASH)
        assert count(opened) == ALL and "Worker process 20 ended" in shown(opened)
    opened.click(".finding.error")
    opened.click(".finding.crash")
    facts = opened.run("return document.getElementById('facts').textContent")
    assert "2025-10-26 00:10:00.000 UTC+02:00" in facts and "worker 20" in facts and "worker.log, line 10" in facts


CRASH = """Crashed: SIGSEGV (11) at address 0x0
	Fatal Python error: Segmentation fault
	
	Current thread 0x1 (most recent call first):
	  File "/app/upscale.py", line 52 in upscale
	
	at x+0x1"""


def test_it_opens_at_what_went_wrong_last_and_what_came_before(first_seen):
    assert selected(first_seen).endswith(CRASH)
    texts = shown(first_seen)
    assert "after five minutes" in texts[: texts.index("Crashed: SIGSEGV (11) at address 0x0")]
    raw = first_seen.run("return document.getElementById('raw').innerText")
    assert raw.replace("\n", "\n\t") == CRASH
    words = first_seen.run(
        "return [...document.querySelectorAll('.finding')].map(each => [...each.children].map(cell => cell.textContent))"
    )
    assert words == [
        ["Error", "host 10", "Worker process 20 ended", "", "", "10-26 00:10:00.500"],
        ["Crash", "worker 20", "SIGSEGV (11) at address 0x0", "upscale.py:52 in upscale", "", "10-26 00:10:00.000"],
        ["Error", "worker 20", "failed:", "", "", "10-25 23:50:02.000"],
    ]
    assert first_seen.run("return document.querySelector('.finding[aria-current=true]').textContent").startswith(
        "Crash"
    )
    first_seen.run("select(count - 1)")
    assert first_seen.run("return document.getElementById('facts').textContent").endswith("host.log, line 504")
    first_seen.run("state.process = '21'; changed(); select(visible[3])")
    assert first_seen.run("return document.getElementById('facts').textContent").endswith("worker.log, line 15")


def test_where_nothing_went_wrong_it_opens_at_the_newest_record(chromium, tmp_path):
    (tmp_path / "logs").mkdir()
    write_log(
        tmp_path / "logs" / "worker.log",
        "".join(line(f"25 23:{n // 60:02}:{n % 60:02}.000", 1, "INFO", f"number {n}") for n in range(900)),
    )
    (tmp_path / "logs.html").write_bytes(report(tmp_path / "out.zip", tmp_path / "logs").page)
    chromium.open(tmp_path / "logs.html")
    assert shown(chromium)[-1] == "number 899" and selected(chromium) is None
    assert "No crash and no error" in chromium.run("return document.getElementById('problems').innerText")
    assert chromium.run("return document.getElementById('issue').disabled")


def test_an_uncaught_exception_is_as_plain_as_a_crash(chromium, tmp_path):
    (tmp_path / "logs").mkdir()
    raised = 'Uncaught exception\n\tTraceback (most recent call last):\n\t  File "a.py", line 3, in main\n\tMemoryError: too large'
    write_log(
        tmp_path / "logs" / "worker.log",
        line("25 23:50:00.000", 20, "INFO", origin("worker", 20).replace("0.24", "upscaler 1.4"))
        + line("25 23:50:01.000", 20, "CRITICAL", raised)
        + line("25 23:50:02.000", 20, "INFO", "Logger closed for worker process"),
    )
    (tmp_path / "logs.html").write_bytes(report(tmp_path / "out.zip", tmp_path / "logs").page)
    chromium.open(tmp_path / "logs.html")
    assert "MemoryError: too large" in selected(chromium)
    badge = "const it = document.querySelector('.finding.exception'); return [...it.children].map(each => each.textContent).slice(0, 4)"
    assert chromium.run(badge) == ["Exception", "worker 20", "MemoryError: too large", "a.py:3 in main"]
    assert labels(chromium)[-1] == "✕ worker 20 closed after an uncaught exception: MemoryError: too large"
    assert chromium.run("return fatal.length") == 1
    assert chromium.run("return document.querySelector('#origin b').textContent") == "upscaler 1.4"


def test_a_process_that_was_killed_is_told_by_its_last_record_and_by_that_of_the_process_that_waited(chromium, tmp_path):
    (tmp_path / "logs").mkdir()
    write_log(tmp_path / "logs" / "worker.log", line("25 23:50:00.000", 20, "INFO", origin("worker", 20)))
    ended = line("25 23:50:01.000", 10, "ERROR", "worker 20 ended: killed by SIGKILL (9), as the OOM killer does")
    write_log(tmp_path / "logs" / "host.log", ended)
    (tmp_path / "logs.html").write_bytes(report(tmp_path / "out.zip", tmp_path / "logs").page)
    chromium.open(tmp_path / "logs.html")
    end = "worker 20 ended without a closing record: killed by SIGKILL (9), as the OOM killer does"
    assert f"✕ {end}" in labels(chromium)
    assert chromium.run("return [fatal.length, sessionOf[fatal[0]]]") == [1, 0]
    assert chromium.run("return document.querySelectorAll('.finding').length") == 1
    for text in ended, "Role: worker", ended:
        chromium.click(".finding")
        assert text.strip() in selected(chromium)
        assert chromium.run("return document.querySelector('.finding').getAttribute('aria-current')") == "true"


def test_what_tells_no_time_is_not_of_1970(chromium, tmp_path):
    (tmp_path / "logs").mkdir()
    write_log(tmp_path / "logs" / "worker.log", '{"message": "a pattern of its own"}\n' * 3)
    (tmp_path / "logs.html").write_bytes(report(tmp_path / "out.zip", tmp_path / "logs").page)
    chromium.open(tmp_path / "logs.html")
    chromium.press("ArrowDown")
    chromium.run("drawRows()")
    text = chromium.run("return document.body.innerText")
    assert "1970" not in text and "At an unknown time" in text and "a pattern of its own" in text
    assert chromium.messages() == []


def take_clipboard(browser):
    browser.run(
        "Object.defineProperty(navigator, 'clipboard', { value: { writeText: async text => { window.copied = text; } } })"
    )


def test_what_a_bug_report_needs_is_copied(first_seen):
    take_clipboard(first_seen)
    first_seen.click("#issue")
    text = first_seen.wait_for("return window.copied")
    assert text.split("\n")[:4] == [
        "**worker 20 crashed:** `SIGSEGV (11) at address 0x0`", "- When: 2025-10-26 00:10:00.000 UTC+02:00",
        "- Version: 0.24 (chaiNNer logger 0.1.0)", "- System: Linux 6",
    ]  # fmt: skip
    assert len(text.split("\n")) == 10
    first_seen.press("p")
    first_seen.press("ArrowUp")
    first_seen.press("Enter")
    first_seen.run("window.copied = null")
    first_seen.press("i")
    assert "Worker process 20 ended" in first_seen.wait_for("return window.copied")


PLACES = """
    return [...document.querySelectorAll('header *, #problems .bar *, #filters :is(input, button, select, #matches), #chart')]
        .filter(each => each.getClientRects().length).map(each => [each.id || each.textContent, ...Object.values(each.getBoundingClientRect().toJSON())].join(' '))
"""


@pytest.mark.parametrize("width", [390, 480, 1400, 2560])
def test_no_control_moves_when_a_filter_is_set(first_seen, width):
    with wide(first_seen, width):
        first_seen.wait_for("return document.getElementById('chart').clientWidth > arguments[0] - 60", width)
        before = first_seen.run(PLACES)
        assert len(before) > 20
        for script in (
            "state.q = 'number'", "state.levels = [1]", "state.process = '10'", "state.from = about.begin + 1e5; state.to = about.end - 1e3",
            "state.q = 'not there'", "clearFilters(); unfoldAll()", "select(5)", "close()",
        ):  # fmt: skip
            first_seen.run(script + "; changed()")
            assert (script, set(first_seen.run(PLACES)) - set(before)) == (script, set())
        first_seen.run("unfoldAll()")
        assert first_seen.run("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [390, 480])
def test_a_narrow_window_has_two_lines_for_a_record(opened, width):
    with wide(opened, width):
        opened.wait_for("drawRows(); return document.querySelectorAll('.row.head').length > 2")
        rows = opened.run(
            "return [...document.querySelectorAll('.row')].slice(0, 4).map(each => each.innerText.trim())"
        )
        assert opened.run("return [$('chart').clientHeight, lanes().length]") == [30 + 17 + 3 * 13 + 9, 3]
        assert rows[0].split() == ["23:50:00.000", "worker", "20", "INFO"] and rows[1].startswith("Logger initialized")
        cut = "return [...document.querySelectorAll('.row :is(.when, .who, .level), .finding .who')].filter(each => each.scrollWidth > each.clientWidth).map(each => each.textContent)"
        assert opened.run(cut) == []
        for key in "ArrowDown", "ArrowDown", "End":
            opened.press(key)
        assert shown(opened)[-1] == "number 499"
        inside = "const a = document.querySelector('.row.selected:not(.head)').getBoundingClientRect(), b = document.getElementById('list').getBoundingClientRect(); return a.top >= b.top && a.bottom <= b.bottom + 1"
        assert opened.run(inside)
        opened.press("Home")
        assert opened.run("drawRows();" + inside)


@pytest.mark.parametrize("width", [480, 1400])
def test_a_dialog_begins_at_its_beginning(first_seen, width):
    with wide(first_seen, width):
        for which, title in ("about", "About this report"), ("keys", "Keys"):
            first_seen.click(f"#{which}-button")
            assert first_seen.run(
                "const it = document.querySelector('dialog[open]'); return [it.scrollTop, it.querySelector('pre')?.scrollTop ?? 0]"
            ) == [0, 0]
            assert first_seen.run("return [document.activeElement.localName, document.activeElement.textContent]") == ["h2", title]
            assert first_seen.run(
                "const it = document.querySelector('dialog[open]'); return [it.scrollWidth - it.clientWidth, it.offsetWidth < innerWidth, it.offsetHeight < .9 * innerHeight]"
            ) == [0, True, True]
            first_seen.click("dialog[open] button")
            assert first_seen.run("return document.querySelector('dialog[open]')") is None


def test_what_is_chosen_stays_in_view_whatever_else_is_shown(opened):
    in_view = "drawRows(); const row = document.getElementById('record-' + state.record)?.getBoundingClientRect(), list = document.getElementById('list').getBoundingClientRect(); return row !== undefined && row.top >= list.top && row.bottom <= list.bottom"
    opened.run("goTo(visible.find(i => rawOf(i).endsWith('process 20 ended')))")
    for action in (
        "document.getElementById('errors').click()",
        "clearFilters(); changed()",
        "state.q = 'e'; changed()",
        "unfoldAll()",
        "clearFilters(); changed()",
        "unfoldAll()",
    ):
        opened.run(action)
        assert (action, opened.run(in_view)) == (action, True)
    opened.run("state.levels = [1]; changed()")
    assert selected(opened) is None and opened.run(
        "return document.getElementById('detail').classList.contains('hidden')"
    )
    opened.run("clearFilters(); changed(); select(300, .5)")
    opened.run("close(); state.q = 'number'; changed()")
    assert any(f"number {300 - 15 + n}" in shown(opened) for n in range(-20, 20))


def test_what_is_in_view_is_chosen_without_scrolling(opened):
    opened.run("select(5); document.getElementById('list').scrollTop = 2000")
    opened.wait_for("return topPixel() >= 2000")
    before = opened.run("return topPixel()")
    opened.run("select(visible[indexOfLine(Math.ceil(topPixel() / ROW)) + 3])")
    assert opened.run("return topPixel()") == before


def test_where_no_record_is_chosen_none_is_shown_in_context(opened):
    opened.run("state.levels = [1]; changed()")
    before = count(opened)
    opened.press("x")
    assert count(opened) == before < ALL


def test_each_line_of_the_list_is_as_high_as_it_is_reckoned_with(opened):
    opened.press("u")
    assert opened.run("drawRows(); return [...new Set([...$('rows').children].map(each => each.offsetHeight))]") == [21]
    assert opened.run("return $('room').offsetHeight") == 21 * opened.run("return firstLines[count]")


def test_a_list_that_is_too_tall_for_a_browser_can_be_scrolled_to_its_end(opened):
    opened.run("lineCounts[visible.find(i => lineCounts[i] > 1)] = 1e6; unfoldAll(); scrollTo(1e15)")
    assert opened.run("return [$('room').offsetHeight, scrollable() > 20e6]") == [15_000_000, True]  # Firefox has up to 17.8 million
    assert shown(opened)[-1] == "number 499"


def test_a_minute_without_a_record_is_told(chromium, tmp_path):
    (tmp_path / "logs").mkdir()
    times = "23:50:00.000", "23:50:59.999", "23:51:59.999"
    write_log(tmp_path / "logs" / "worker.log", "".join(line(f"25 {time}", 1, "INFO", "x") for time in times))
    (tmp_path / "logs.html").write_bytes(report(tmp_path / "out.zip", tmp_path / "logs").page)
    chromium.open(tmp_path / "logs.html")
    assert [each for each in labels(chromium) if "without" in each] == ["60 s without a record"]


LOOK = """
    const look = selector => {
        const { backgroundColor, borderLeftColor, color, fontWeight, opacity, textDecorationLine } = getComputedStyle(document.querySelector(selector));
        return [backgroundColor, borderLeftColor, color, fontWeight, opacity, textDecorationLine].join();
    };
    return arguments[0].map(look);
"""


def test_a_browser_understands_all_of_the_style(first_seen):
    rule = r"([^{}]+)\{([^{}]*)\}"
    assert re.sub(rule, "", re.sub(rule, "", STYLE)).strip() == ""  # twice, as some are in others
    declared = [each.partition(":")[::2] for _, inside in re.findall(rule, STYLE) for each in inside.split(";") if each.strip()]
    pairs = [(name.strip(), value.replace("!important", "").strip()) for name, value in declared]
    assert len(pairs) > 300
    assert first_seen.run("return arguments[0].filter(each => !CSS.supports(...each))", pairs) == []
    selectors = [each.strip() for all_of_rule, _ in re.findall(rule, STYLE) for each in re.split(r",(?![^(]*\))", all_of_rule)]
    assert first_seen.run("return arguments[0].filter(each => !CSS.supports(`selector(${each})`))", selectors) == []
    own = {name[2:] for name, _ in pairs if name.startswith("--")}
    levels = first_seen.run("return about.levels.map(each => each.toLowerCase())")
    assert {*re.findall(r"var\(--([\w-]+)", STYLE), *levels} <= own


def test_what_matters_looks_unlike_what_does_not(opened):
    with wide(opened, 1280, 1300):
        opened.run("state.levels = about.levels.map((_, i) => i).filter(i => i !== 1); changed(); select(visible[0]); drawRows()")
        rows = ".row.TRACE", ".row.INFO:not(.selected)", ".row.WARNING", ".row.ERROR", ".row.CRITICAL", ".row.selected"
        plain, same, *others = opened.run(LOOK, rows)
        assert plain == same and len({plain, *others}) == 5
        for these in (
            [".finding.crash .badge", ".finding.error .badge"], [".finding[aria-current=true]", ".finding[aria-current=false]"],
            [".chip[aria-pressed=true]", ".chip[aria-pressed=false]"], ["#reset", "#errors"],
            ["#problems-title", "#problems-title span"], ["#origin b", "#origin span"], [".row .level", ".row .text"],
        ):  # fmt: skip
            opened.run("$('reset').disabled = true")
            one, other = opened.run(LOOK, these)
            assert (these, one) != (these, other)
        opened.click("#case")
        case, regex = opened.run(LOOK, ["#case", "#regex"])
        assert case != regex


def test_text_stays_as_it_was_logged_and_within_the_window(chromium, tmp_path):
    (tmp_path / "logs").mkdir()
    text = "".join(line(f"25 23:50:00.{n:03}", 1, "INFO", "a    b " + 2000 * "x" + 90 * "\n\t{  4    4") for n in range(90))
    write_log(tmp_path / "logs" / "worker.log", text)
    (tmp_path / "logs.html").write_bytes(report(tmp_path / "out.zip", tmp_path / "logs").page)
    wider = "return ['list', 'raw'].filter(id => $(id).scrollWidth > $(id).clientWidth)"
    box = "return ['list', 'detail'].map(id => { const { left, right, top, bottom } = $(id).getBoundingClientRect(); return [left, right, top, bottom]; })"
    for width, height in (390, 844), (1280, 800), (1280, 400), (1800, 900):
        with wide(chromium, width, height):
            chromium.open(tmp_path / "logs.html")
            chromium.run("select(3); drawRows()")
            assert chromium.run(wider) == []
            assert chromium.run("return document.querySelector('.row .text').innerText").startswith("a    b xx")
            assert "{  4    4" in chromium.run("return $('raw').innerText")
            fold = "const it = document.querySelector('.row .fold').getBoundingClientRect(); return it.width > 20 && it.right <= innerWidth"
            assert chromium.run(fold)
            whole, main = chromium.run("return [document.body.scrollHeight, document.querySelector('main').offsetHeight]")
            assert (whole, main >= 300) == (whole if height == 400 else height, True)
            record_list, detail = chromium.run(box)
            if width < 1700:
                assert detail[2] == record_list[3] and 100 < detail[3] - detail[2] < 0.6 * main
            else:
                assert detail[0] == record_list[1] and detail[2:] == record_list[2:]


def test_what_is_too_long_to_be_drawn_is_cut_and_the_record_says_so(chromium, tmp_path):
    (tmp_path / "logs").mkdir()
    text = line("25 23:50:00.000", 1, "INFO", "x" * 5000 + "\n\t" + "y" * 395_000)
    write_log(tmp_path / "logs" / "worker.log", text)
    (tmp_path / "logs.html").write_bytes(report(tmp_path / "out.zip", tmp_path / "logs").page)
    chromium.open(tmp_path / "logs.html")
    chromium.press("u")
    chromium.run("select(0); drawRows()")
    lengths = "return [...document.querySelectorAll('.row .text'), $('raw')].map(each => each.textContent.length)"
    told = f"\n… {len(text) - 1 - 400_000} more characters: Copy has them all"
    *rows, whole = chromium.run(lengths)
    assert rows == [2000, 2000]
    assert whole == 400_000 - text.index("x") - len("\t") + len(told)
    assert chromium.run("return $('raw').textContent").endswith("y" + told)


def test_the_chart_is_drawn_anew_in_other_colours(opened):
    drawn = "return document.getElementById('chart').toDataURL()"
    opened.be_dark(False)
    before = opened.run("drawChart();" + drawn)
    opened.be_dark(True)
    assert opened.wait_for(drawn + " !== arguments[0]", before)
    opened.be_dark(False)


def test_only_what_is_in_view_is_in_the_document(opened):
    assert 0 < opened.run("drawRows(); return document.querySelectorAll('.row').length") < ALL / 2


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


def test_a_record_that_is_asked_for_is_shown_whatever_the_filters_say(chromium, page):
    chromium.open(page, "#level=INFO&text=Needle&record=3")
    assert selected(chromium) == chromium.run("return rawOf(3)") and chromium.run("return visible.length") == ALL
    chromium.run("location.hash = '#role=worker&record=' + (count - 1)")
    assert chromium.wait_for("return state.record === count - 1 && visible.length") == ALL
    assert chromium.messages() == []


@pytest.mark.parametrize("width", [390, 1280])
def test_what_can_be_scrolled_shows_it(chromium, tmp_path, width):
    (tmp_path / "logs").mkdir()
    failures = "".join(line(f"25 23:49:{number:02}.000", 1, "ERROR", f"{word} failed") for number, word in enumerate("abcdefghijklmnop"))
    write_log(tmp_path / "logs" / "worker.log", failures + line("25 23:50:09.000", 1, "WARNING", "x"))
    write_log(tmp_path / "logs" / "host.log", line("25 23:50:09.000", 2, "DEBUG", "x"))
    (tmp_path / "logs.html").write_bytes(report(tmp_path / "out.zip", tmp_path / "logs").page)
    is_more = "return document.getElementById(arguments[0]).classList.contains('more')"
    with wide(chromium, width):
        chromium.open(tmp_path / "logs.html")
        assert "the newest of 16 first" in chromium.run("return document.getElementById('problems-title').textContent")
        for scrolled, is_scrolled in ("findings", True), ("choices", width < 900):
            assert chromium.run(is_more, scrolled) is is_scrolled
            chromium.run("document.getElementById(arguments[0]).scrollBy(9999, 9999)", scrolled)
            chromium.wait_for(is_more.replace("return ", "return !"), scrolled)


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
    take_clipboard(opened)
    opened.press("e")
    opened.press("c")
    expected = "2025-10-25 23:50:02.000 [20] [ERROR] failed:\n\tTraceback\n\t  line 3\n\tValueError: Needle"
    assert opened.wait_for("return window.copied") == expected


def test_the_keyboard_is_enough(opened):
    reached = []
    for _ in range(40):
        opened.press("Tab")
        reached.append(opened.run("const it = document.activeElement; return it.id || it.textContent"))
        unmarked = opened.run("return document.querySelector(':focus-visible')?.matches(':not(body)') && getComputedStyle(document.activeElement).outlineStyle === 'none'")
        assert not unmarked, reached[-1]
    wanted = {
        "about-button",
        "keys-button",
        "chart",
        "query",
        "case",
        "regex",
        "process",
        "issue",
        "errors",
        "previous",
        "next",
        "unfold",
        "list",
    }
    assert wanted <= set(reached) and any(each.startswith("Crash") for each in reached)
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
    assert opened.run("return document.querySelector('#keys').open && document.querySelector('#keys').offsetHeight > 0")


def test_the_text_of_a_record_is_reached_by_key_behind_its_buttons(opened):
    opened.press("e")
    opened.run("$('list').focus()")
    reached = []
    for _ in range(5):
        opened.press("Tab")
        reached.append(opened.run("return document.activeElement.id"))
    assert reached == ["copy", "only", "context", "close", "raw"]


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
    assert opened.run("return [state.from === about.begin, state.to < about.end]") == [True, True]
    opened.press("Backspace")
    for _ in range(6):
        opened.press("Backspace")
    assert count(opened) == ALL


PAINTED = """
    const value = getComputedStyle(document.documentElement).getPropertyValue('--' + arguments[0]).trim();
    const wanted = [1, 3, 5].map(at => parseInt(value.slice(at, at + 2), 16)), chart = $('chart');
    const copy = new OffscreenCanvas(chart.width, chart.height).getContext('2d', { willReadFrequently: true });
    copy.drawImage(chart, 0, 0);
    return arguments[1].map(([x, y]) => {
        const [r, g, b, a] = copy.getImageData(x, y, 1, 1).data;
        return [r, g, b].every((each, i) => Math.abs(each - wanted[i]) < 6) ? Math.round(a / 2.55) / 100 : 0;
    });
"""


def painted(browser, colour, *points):
    """How opaquely each point of the chart is of this colour: 0 where it is of another one, or of none."""
    return browser.run(PAINTED, colour, points)


def height_of(browser, colour, x):
    return sum(each > 0 for each in painted(browser, colour, *((x, y) for y in range(58))))


def from_middle(browser, x, y):
    """As the mouse is told where to go."""
    width, height = browser.run("return [$('chart').clientWidth, $('chart').clientHeight]")
    return x - width // 2, y - height // 2


WORKER_LANE, HOST_LANE = 58 + 17 + 4, 58 + 17 + 4 + 13


@pytest.fixture
def bars(chromium, tmp_path):
    """A chart of 200 parts, each of 4 pixels and 100 ms."""
    (tmp_path / "logs").mkdir()
    records = [
        ("00.000", "INFO", origin("worker", 1)), *[("00.000", "DEBUG", "x")] * 99,
        ("10.000", "CRITICAL", "much"), ("10.000", "ERROR", "less"), *[("10.000", "INFO", "x")] * 398, ("20.000", "TRACE", "x"),
    ]  # fmt: skip
    write_log(tmp_path / "logs" / "worker.log", "".join(line(f"25 23:50:{time}", 1, *rest) for time, *rest in records))
    crash = line("25 23:50:15.000", 2, "CRITICAL", "Crashed: SIGSEGV (11) at address 0x0")
    write_log(tmp_path / "logs" / "host.log", line("25 23:50:05.000", 2, "INFO", "x") + crash)
    (tmp_path / "logs.html").write_bytes(report(tmp_path / "out.zip", tmp_path / "logs").page)
    with wide(chromium, 918):
        chromium.open(tmp_path / "logs.html")
        chromium.press("Escape")
        assert chromium.run("return [bins[0].length, plotWidth(), end - begin, lanes()]") == [200, 800, 20000, ["worker", "host"]]
        yield chromium
    assert chromium.messages() == []


def test_the_bars_of_the_chart_tell_how_many_records_of_each_level_there_are(bars):
    levels = "critical", "error", "info", "debug", "trace"
    drawn = {part: [height_of(bars, level, 74 + 4 * part + 1) for level in levels] for part in (0, 50, 99, 100, 101, 199)}
    assert drawn == {  # the roots of 100, 1, 0, 400, 0 and 1 records
        0: [0, 0, pytest.approx(1, abs=1), pytest.approx(26, abs=1), 0], 50: [0, 0, 3, 0, 0], 99: [0, 0, 0, 0, 0],
        100: [3, 3, 50, 0, 0], 101: [0, 0, 0, 0, 0], 199: [0, 0, 0, 0, 3],
    }  # fmt: skip
    assert painted(bars, "critical", (475, 57)) == [1] and painted(bars, "error", (475, 54)) == [1]
    assert painted(bars, "info", (475, 30), (477, 30)) == [pytest.approx(0.62, abs=0.02), 0]
    bars.run("state.levels = [1]; changed()")
    assert [height_of(bars, level, 75) for level in levels] == [0, 0, 0, 52, 0]


def test_the_chart_has_a_lane_for_each_log(bars):
    y = HOST_LANE + 2
    assert painted(bars, "host", (273, y), (275, y), (600, y), (680, y)) == [0, pytest.approx(0.75, abs=0.02), pytest.approx(0.75, abs=0.02), 0]
    assert painted(bars, "worker", (275, WORKER_LANE + 2), (275, WORKER_LANE + 6)) == [pytest.approx(0.75, abs=0.02), 0]
    bars.run("state.process = '1'; changed()")
    assert painted(bars, "host", (275, y)) + painted(bars, "worker", (275, WORKER_LANE + 2)) == [
        pytest.approx(0.25, abs=0.02), pytest.approx(0.75, abs=0.02),
    ]  # fmt: skip
    bars.run("clearFilters(); zoom(about.begin + 16000, about.end)")
    assert painted(bars, "host", (74, y), (75, y), (300, y)) == [0, 0, 0]
    bars.run("zoom(about.begin, about.begin + 6000)")
    assert painted(bars, "host", (870, y), (875, y)) == [pytest.approx(0.75, abs=0.02), 0]
    bars.run("zoom(about.begin - 1e7, about.end + 1e7)")
    assert painted(bars, "worker", (474, WORKER_LANE + 2)) == [pytest.approx(0.75, abs=0.02)]
    bars.run("about.sessions = Array.from({ length: 12 }, (_, number) => ({ ...about.sessions[0], log: String(number) }))")
    assert bars.run("return lanes().length") == 10


def test_what_is_written_in_the_chart_is_as_pale_as_what_is_written_beside_it(bars):
    tick, records, *lanes = (474, 58 + 11), (30, 29), (20, WORKER_LANE + 3), (20, HOST_LANE + 3)
    for x, y in tick, records, *lanes:
        around = [(x + across, y + down) for across in range(-9, 10) for down in range(-5, 6)]
        assert (x, y, max(painted(bars, "muted", *around)) > 0.5) == (x, y, True)
    assert painted(bars, "line", (300, 58), (474, 61), (475, 61)) == [1, 1, 0]


def test_a_crash_is_crossed_out_in_the_chart(bars):
    crossed = [
        max(painted(bars, "critical", *((674 + x, lane + y) for x in across for y in down))) > 0.7
        for lane in (HOST_LANE, WORKER_LANE) for across in ((-3, -2), (1, 2)) for down in ((0, 1), (4, 5))
    ]  # fmt: skip
    assert crossed == [True] * 4 + [False] * 4
    for begin, end in (15200, 20000), (0, 14950):  # it would be just before the first part, and after the last one
        bars.run("zoom(about.begin + arguments[0], about.begin + arguments[1])", begin, end)
        beside = [*range(30, 70), *range(874, 884)]
        assert max(painted(bars, "critical", *((x, HOST_LANE + y) for x in beside for y in range(6)))) == 0


def test_a_range_is_seen_while_it_is_drawn_and_may_be_given_up(bars):
    bars.drag("#chart", from_middle(bars, 274, 20), from_middle(bars, 474, 20), is_held=True)
    assert painted(bars, "accent", (300, 100), (500, 100)) == [pytest.approx(0.18, abs=0.02), 0]
    bars.run("$('chart').dispatchEvent(new PointerEvent('pointercancel'))")
    assert painted(bars, "accent", (300, 100)) == [0]
    bars.release()
    assert bars.run("return [state.from, state.process]") == [None, None]
    bars.drag("#chart", from_middle(bars, 274, 20), from_middle(bars, 277, 20), is_held=True)
    assert painted(bars, "accent", (275, 100), (276, 100)) == [0, 0]  # it may be a click
    bars.release()


def test_the_chart_shows_what_is_chosen_in_it(bars):
    bottom = 58 + 17 + 2 * 13 + 9 - 2
    assert bars.run("return $('chart').height") == bottom + 2
    bars.run("drawChart([300, 200])")
    assert painted(bars, "accent", (199, bottom), (201, bottom), (299, bottom), (301, bottom)) == [
        0, pytest.approx(0.18, abs=0.02), pytest.approx(0.18, abs=0.02), 0,
    ]  # fmt: skip
    bars.run("select(count - 1)")
    assert painted(bars, "accent", (201, bottom), (872, bottom), (873, bottom), (875, bottom)) == [0, 0, 0.75, 0]
    bars.run("close(); zoom(about.begin, about.begin + 10000); select(count - 1)")
    bars.press("t")
    bars.press("End")
    assert [each > 0.5 for each in painted(bars, "accent", (600, 1), (870, 1), (871, 30), (873, 1))] == [False, True, False, True]


def test_the_chart_tells_what_is_under_the_mouse(bars):
    told = "const it = $('tip'); return it.classList.contains('hidden') ? null : it.textContent"
    crash = "host 2\ncrashed: SIGSEGV (11) at address 0x0"
    for x, y, text in (
        (475, 20, "2025-10-25 23:50:10.000 – 23:50:10.100\n1 CRITICAL, 1 ERROR, 398 INFO"),
        (479, 20, "2025-10-25 23:50:10.100 – 23:50:10.200\nno record"),
        (20, 20, "2025-10-25 23:50:00.000 – 23:50:00.100\n1 INFO, 99 DEBUG"),
        (870, 20, "2025-10-25 23:50:19.900 – 23:50:20.000\n1 TRACE"),
        (300, HOST_LANE + 2, crash), (272, HOST_LANE + 2, crash), (676, HOST_LANE + 2, crash),
        (264, HOST_LANE + 2, "2025-10-25 23:50:04.700 – 23:50:04.800\nno record"),
        (300, WORKER_LANE + 2, bars.run("return whoText(about.sessions.find(each => each.log === 'worker')) + '\\n' + about.sessions.find(each => each.log === 'worker').end_text")),
    ):  # fmt: skip
        bars.hover("#chart", from_middle(bars, x, y))
        assert (x, y, bars.run(told)) == (x, y, text)
        assert bars.run("const it = $('tip'); return it.offsetLeft >= 4 && it.offsetLeft + it.offsetWidth <= $('chart').clientWidth - 4")
        assert bars.run("const { x, y } = $('tip').getBoundingClientRect(); return document.elementFromPoint(x + 9, y + 9).id") == "chart"
    bars.hover("#query", (0, 0))
    assert bars.run(told) is None


def test_a_click_in_the_chart_chooses_a_process_or_a_part(bars):
    now = "return [state.process, state.from && state.from - about.begin, state.to && state.to - about.begin]"

    def click(x, y, *further, button=0):
        bars.drag("#chart", *(from_middle(bars, *each) for each in ((x, y), *further)), button=button)
        return bars.run(now)

    assert click(300, HOST_LANE + 2) == ["2", None, None]
    assert click(300, HOST_LANE + 2) == [None, None, None]
    assert click(475, 20, button=2) == click(60, 20) == [None, None, None]
    assert click(475, 20, (478, 20)) == [None, 10100, 10200]
    bars.run("state.from = state.to = null; changed()")
    assert click(674, 20, (274, 20)) == [None, 5000, 15000]
    bars.run("zoom(about.begin + 10.5, about.begin + .5)")  # what is between two points is of no whole milliseconds
    assert bars.run(now) == [None, 0, 11]
    bars.run("document.getElementById('chart').dispatchEvent(new MouseEvent('dblclick'))")
    assert bars.run(now) == [None, None, None]


def test_the_keys_of_the_chart_move_to_its_ends_and_in_and_out(bars):
    bars.press("t")
    attribute = "return $('chart').getAttribute(arguments[0])"
    assert bars.run(attribute, "aria-valuemax") == "199"
    places = []
    for key in "ArrowLeft", "PageUp", "PageUp", "ArrowLeft", "PageDown", "End", "ArrowRight", "PageDown", "Home":
        bars.press(key)
        places.append(int(bars.run(attribute, "aria-valuenow")))
    assert places == [0, 10, 20, 19, 9, 199, 199, 189, 0]
    assert bars.run(attribute, "aria-valuetext") == "2025-10-25 23:50:00.000 – 23:50:00.100: 1 INFO, 99 DEBUG"
    bars.run("cursor = anchor = 99")
    bars.press("Shift", "ArrowRight")
    assert bars.run(attribute, "aria-valuetext") == "2025-10-25 23:50:09.900 – 23:50:10.100: 1 CRITICAL, 1 ERROR, 398 INFO"
    bars.press("Enter")
    now = "return [state.from - about.begin, state.to - about.begin]"
    assert bars.run(now) == [9900, 10100] and bars.run(attribute, "aria-valuenow") == "0"
    bars.press("Backspace")
    assert bars.run(now) == [9500, 10500]
    bars.press("Backspace")
    bars.press("Backspace")
    assert bars.run("return [state.from, state.to]") == [None, None]


def test_the_times_under_the_chart_are_round_ones_of_the_zone(bars):
    ticks = "begin = about.begin + 1000 * arguments[0]; end = begin + 1000 * arguments[1]; return ticks().map(([x, text]) => [text, Math.round(x)])"
    assert bars.run(ticks, 0, 20) == [["23:50:05", 274], ["23:50:10", 474], ["23:50:15", 674]]
    assert bars.run(ticks, 0, 2) == [["23:50:00.500", 274], ["23:50:01.000", 474], ["23:50:01.500", 674]]
    assert [text for text, _ in bars.run(ticks, 60, 3600)] == ["00:00", "00:10", "00:20", "00:30", "00:40"]
    assert [text for text, _ in bars.run(ticks, 0, 2 * 86400)] == ["10-26 12:00", "10-27 00:00", "10-27 12:00"]
    assert [text for text, _ in bars.run(ticks, 0, 10 * 86400)] == ["2025-10-27", "2025-10-29", "2025-10-31", "2025-11-02", "2025-11-04"]
    with wide(bars, 320):  # where there is room for one of them
        assert [text for text, _ in bars.run(ticks, 0, 20)] == ["23:50:10"]


def test_errors_only_leaves_the_other_filters_as_they_are(opened):
    opened.run("state.process = '20'; state.q = 'process'; changed(); document.getElementById('errors').click()")
    assert opened.run("return [state.process, state.q]") == ["20", "process"]
    assert opened.run("return visible.every(i => levelOf[i] >= ERROR)")


def test_the_keys_of_the_chart_begin_at_the_selected_record_and_choose_a_range(opened):
    opened.press("t")
    opened.press("Escape")
    opened.click(".finding.crash")
    opened.press("t")
    now = opened.run("return [cursor, anchor, binOf(times[state.record])]")
    assert now[0] == now[1] == now[2] > 0
    for keys in ("Shift", "ArrowRight"), ("Shift", "ArrowLeft"), ("Shift", "ArrowLeft"), ("Shift", "ArrowLeft"):
        opened.press(*keys)
    step = opened.run("return (end - begin) / bins[0].length")
    begin = opened.run("return begin")
    assert opened.run("return chosenBins()") == [now[0] - 2, now[0]]
    opened.press("Enter")
    expected = [begin + (now[0] - 2) * step, begin + (now[0] + 1) * step]
    assert opened.run("return [state.from, state.to]") == pytest.approx(expected, abs=1)
    assert opened.run("return indexIn(state.record)") >= 0
    opened.press("ArrowLeft")
    assert opened.run("return cursor === binOf(times[state.record]) - 1 && cursor === anchor")


@pytest.mark.parametrize("width, height", [(1400, 900), (2560, 1300)])
def test_what_went_wrong_takes_a_third_of_the_window_and_no_place_that_stays_empty(chromium, tmp_path, width, height):
    (tmp_path / "logs").mkdir()
    names = [chr(97 + i) for i in range(20)]
    text = "".join(line(f"25 23:50:{i:02}.000", 1, "ERROR", f"{name} {'x' * 110}") for i, name in enumerate(names))
    write_log(tmp_path / "logs" / "worker.log", text)
    (tmp_path / "logs.html").write_bytes(report(tmp_path / "out.zip", tmp_path / "logs").page)
    with wide(chromium, width, height):
        chromium.open(tmp_path / "logs.html")
        assert chromium.run("return $('findings').clientHeight") == pytest.approx(height / 3, abs=10)
        assert chromium.run("return [...document.querySelectorAll('.what')].every(each => each.scrollWidth <= each.clientWidth)")
        assert chromium.run("return $('facts').clientHeight") < 30


def test_the_chart_shows_where_the_keys_are_only_while_they_are_there(opened):
    drawn = "return document.getElementById('chart').toDataURL()"
    before = opened.run(drawn)
    opened.press("t")
    opened.press("Home")
    assert opened.run(drawn) != before
    for key in "ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft":
        opened.press(key)
    assert opened.run("return document.getElementById('chart').getAttribute('aria-valuenow')") == "2"
    opened.run("document.getElementById('chart').blur()")
    assert opened.run(drawn) == before


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
    places = {"banner", "region", "search", "main", "slider", "status", "listbox", "textbox", "combobox", "group"}
    named = [(node["role"]["value"], node["name"]["value"]) for node in tree if not node["ignored"] and node["role"]["value"] in places]
    assert named == [
        ("banner", ""), ("region", "What went wrong the newest of 3 first"), ("region", "Records over time"), ("search", "Filters"),
        ("main", ""), ("slider", "Records over time, by level"), ("status", ""), ("listbox", "Records"), ("region", "The record"),
        ("textbox", "Text in the records"), ("group", "Levels"), ("group", "Roles"), ("combobox", "Process"),
    ]  # fmt: skip
    assert "option" in {node["role"]["value"] for node in tree if not node["ignored"]}
    assert opened.run("return [document.documentElement.lang, $('matches').ariaLive]") == ["en", "polite"]


@pytest.mark.parametrize("button", ["issue", "previous", "next", "unfold", "copy", "context", "close"])
def test_a_button_does_what_its_key_does(opened, button):
    take_clipboard(opened)
    done = "return JSON.stringify([state.record, state.levels, isAllUnfolded, window.copied])"
    began, ended = [], []
    for use in "click", "key":
        opened.run("isAllUnfolded = false; window.copied = null; state.levels = [ERROR, CRITICAL]; changed(); select(visible[1])")
        began.append(opened.run(done))
        if use == "click":
            opened.click(f"#{button}")
        else:
            opened.run("$('list').focus()")
            keys = opened.run("return $(arguments[0]).getAttribute('aria-keyshortcuts')", button).split("+")
            opened.press(*(key.lower() if keys == [key] and len(key) == 1 else key for key in keys))
        ended.append(opened.wait_for(done.replace("return", "const now =") + "; return now !== arguments[0] && now", began[0]))
    assert began[0] == began[1] and ended[0] == ended[1]


def test_a_key_that_a_control_has_is_in_the_table_of_keys_and_said_at_the_control(opened):
    opened.press("?")
    table = opened.run("return $('key-table').innerText")
    said = "return [...document.querySelectorAll('[aria-keyshortcuts]')].map(it => [it.ariaKeyShortcuts, [it.title, it.placeholder, it.textContent].join(' ')])"
    found = dict(opened.run(said))
    assert list(found) == ["I", "Shift+E", "E", "Enter Backspace", "/", "U", "C", "X", "Escape"]
    for keys, told in found.items():
        assert all(re.search(rf"(^|[\s,]){re.escape(key.replace('Escape', 'Esc'))}([\s,;]|$)", table) for key in keys.split())
        assert keys in ("Enter Backspace", "Escape") or re.search(rf"[ (]{re.escape(keys)}[ )]|{keys}$", told), told


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


def test_a_browser_that_is_too_old_says_so(page):
    with Browser() as old:
        old.devtools("Page.addScriptToEvaluateOnNewDocument", source="delete window.DecompressionStream")
        old.open(page)
        told = old.run("return document.body.innerText")
    assert told == "These logs cannot be shown: they need a browser of 2023 or later."


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
