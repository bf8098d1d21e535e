"""What logs.html does: the list of records, and the one that is selected."""

SCRIPT = r"""
/* The list */

let drawn = 0, isDrawing = false;
const scrollable = () => Math.max(0, firstLines[visible.length] * ROW - $("list").clientHeight);
function topPixel() {
  const range = $("room").offsetHeight - $("list").clientHeight, all = scrollable();
  return range <= 0 ? 0 : all <= range + 1 ? $("list").scrollTop : $("list").scrollTop / range * all;
}
function scrollTo(pixel) {
  const range = $("room").offsetHeight - $("list").clientHeight, all = scrollable();
  $("list").scrollTop = all <= range + 1 ? pixel : pixel / all * range;
}

function indexOfLine(line) {
  let low = 0, high = visible.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (firstLines[middle] <= line) low = middle; else high = middle - 1;
  }
  return low;
}

function drawRows() {
  isDrawing = false;
  const list = $("list"), top = topPixel(), first = Math.floor(top / ROW), rows = document.createDocumentFragment();
  const most = Math.min(firstLines[visible.length], first + Math.ceil(list.clientHeight / ROW) + 1);
  for (let line = first, v = visible.length ? indexOfLine(first) : 0; line < most; v++) {
    const lines = linesOf(v, line - firstLines[v], Math.min(firstLines[v + 1], most) - firstLines[v]);
    line = firstLines[v + 1];
    for (const each of lines) rows.append(each);
  }
  $("rows").replaceChildren(rows);
  $("rows").style.transform = "translateY(" + (list.scrollTop - (top - first * ROW)) + "px)";
  const shown = document.getElementById("record-" + state.record);
  if (shown) list.setAttribute("aria-activedescendant", shown.id); else list.removeAttribute("aria-activedescendant");
}
function draw() {
  if (!isDrawing) requestAnimationFrame(drawRows);
  isDrawing = true;
}

// The lines from `from` to `to` of the record that is the v-th to be seen.
function linesOf(v, from, to) {
  const i = visible[v], before = v ? visible[v - 1] : -1, made = [];
  let line = 0;
  const add = make => { if (line >= from && line < to) made.push(make()); line++; };
  if (before < 0 || days[i] !== days[before]) add(() => dayLabel(times[i]));
  if (isGap(i, before)) add(() => element("div", "label gap", spanText(times[i] - times[before]) + " without a record"));
  for (const session of beginsAt.get(i) ?? []) add(() => sessionLabel(session, true));
  let raw = null;
  const text = () => raw ??= rawOf(i);
  const row = recordRow(i, v, text());
  for (const part of row) add(() => part);
  if (lineCounts[i] > 1 && isUnfolded(i)) {
    let lines = null;
    for (let k = 1; k < lineCounts[i]; k++) {
      if (line >= to) break;
      add(() => moreRow(i, (lines ??= text().split("\n"))[k]));
    }
  }
  for (const session of endsAt.get(i) ?? []) add(() => sessionLabel(session, false));
  return made;
}

function dayLabel(time) {
  const label = element("div", "label day");
  label.append(element("b", "", dayText(time)), element("span", "", zoneText(time)));
  return label;
}

function sessionLabel(session, isBegin) {
  const kind = isBegin ? "session" : ["crashed", "uncaught exception", "killed"].includes(session.ending) ? "crash" : session.ending === "closed" ? "session" : "open";
  const versions = [session.application && "application " + session.application, session.library && "chaiNNer logger " + session.library, session.system];
  const what = isBegin ? ["▸ " + whoText(session) + " begins", ...versions] : [(kind === "crash" ? "✕ " : "■ ") + whoText(session) + " " + session.end_text];
  const label = toned("div", "label " + kind, session.role);
  label.append(element("span", "", what.filter(Boolean).join("  ·  ")));
  return label;
}

// One element, or two where one would be too long.
function recordRow(i, v, raw) {
  const level = about.levels[levelOf[i]], session = about.sessions[sessionOf[i]], parts = [];
  for (let k = 0; k < rowLines(); k++) {
    parts.push(element("div", "row " + level + (k < rowLines() - 1 ? " head" : "") + (i === state.record ? " selected" : "")));
    parts[k].dataset.record = i;
  }
  const head = parts[0], row = parts[parts.length - 1];
  head.setAttribute("role", "presentation");
  row.id = "record-" + i;
  row.setAttribute("role", "option");
  row.setAttribute("aria-selected", i === state.record);
  row.setAttribute("aria-posinset", v + 1);
  row.setAttribute("aria-setsize", visible.length);
  const who = toned("span", "who", session.role, whoText(session));
  head.append(element("span", "when", timeText(times[i])), who, toned("span", "level", level, level === "other" ? "" : level));
  const end = raw.indexOf("\n"), text = element("span", "text");
  addMarked(text, raw.slice(startOf[i], Math.min(end < 0 ? raw.length : end, startOf[i] + LONGEST_LINE)));
  row.append(text);
  if (lineCounts[i] > 1) {
    const fold = element("button", "fold", (isUnfolded(i) ? "− " : "+ ") + plural(lineCounts[i] - 1, "line"));
    fold.type = "button";
    fold.tabIndex = -1;
    fold.dataset.fold = i;
    head.append(fold);
    row.setAttribute("aria-expanded", isUnfolded(i));
  }
  return parts;
}

function moreRow(i, line) {
  const row = element("div", "row more " + about.levels[levelOf[i]] + (i === state.record ? " selected" : ""));
  row.dataset.record = i;
  row.setAttribute("role", "presentation");
  const text = element("span", "text");
  addMarked(text, (line ?? "").replace(/^\t/, "").slice(0, LONGEST_LINE));
  row.append(text);
  return row;
}

function addMarked(parent, text) {
  if (!pattern) { parent.textContent = text; return; }
  let at = 0, marks = 0;
  for (const found of text.matchAll(pattern)) {
    if (!found[0] || ++marks > 200) continue;
    parent.append(text.slice(at, found.index), element("mark", "", found[0]));
    at = found.index + found[0].length;
  }
  parent.append(text.slice(at));
}

/* The record that is selected */

const rowTop = v => (firstLines[v] + labelsBefore(visible[v], v ? visible[v - 1] : -1)) * ROW;

// where: how far down in the list it is to stand, from 0 to 1, if it is not in view already.
function select(i, where) {
  state.record = i;
  showDetail();  // before it is scrolled to: it takes room
  const v = indexIn(i);
  if (v >= 0) {
    const top = rowTop(v), size = rowLines() * ROW, height = $("list").clientHeight, shown = topPixel();
    if (where !== undefined && (top < shown + 3 * ROW || top > shown + height - 4 * ROW)) scrollTo(Math.max(0, top - height * where));
    else if (top < shown) scrollTo(top);
    else if (top + size > shown + height) scrollTo(top + size - height);
  }
  keepInAddress();
  showChosen();
  draw();
  drawChart();
}

// What stays where it is when other records are shown: the chosen one if it is in view, else the first in view.
function place() {
  if (!visible.length) return null;
  const top = topPixel(), chosen = indexIn(state.record), height = $("list").clientHeight;
  const isInView = chosen >= 0 && rowTop(chosen) >= top - ROW && rowTop(chosen) < top + height;
  const v = isInView ? chosen : indexOfLine(Math.floor(top / ROW));
  return { record: visible[v], below: rowTop(v) - top };
}

function keep(at) {
  if (state.record >= 0 && indexIn(state.record) < 0) { state.record = -1; showDetail(); }
  if (!at || !visible.length) return;
  const v = indexIn(at.record);
  scrollTo(rowTop(v >= 0 ? v : Math.min(-v - 1, visible.length - 1)) - at.below);
}

function indexIn(i) {
  let low = 0, high = visible.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (visible[middle] === i) return middle;
    if (visible[middle] < i) low = middle + 1; else high = middle - 1;
  }
  return -low - 1;
}

let lineNumbers = null;
function lineOf(i) {
  if (!lineNumbers) {
    const next = about.files.map(() => 1);
    lineNumbers = new Uint32Array(count);
    for (let k = 0; k < count; k++) { lineNumbers[k] = next[fileOf[k]]; next[fileOf[k]] += lineCounts[k]; }
  }
  let added = 0;
  for (const [k, lines] of about.added) if (k < i && fileOf[k] === fileOf[i]) added += lines;
  return lineNumbers[i] - added;
}

function showDetail() {
  const i = state.record;
  $("detail").classList.toggle("hidden", i < 0);
  if (i < 0) return;
  const session = about.sessions[sessionOf[i]], file = about.files[fileOf[i]], level = about.levels[levelOf[i]], raw = rawOf(i);
  const name = toned("b", "", level, level === "other" ? "no record" : level);
  const where = file.endsWith(".crash.txt") ? file : file + ", line " + grouped(lineOf(i));
  $("facts").replaceChildren(name, "  " + dateText(times[i]) + " " + timeText(times[i]) + " " + zoneText(times[i]) + "  ·  " + whoText(session) + "  ·  " + where);
  $("raw").replaceChildren();
  addMarked($("raw"), raw.slice(startOf[i], LONGEST_RECORD).replaceAll("\n\t", "\n"));
  if (raw.length > LONGEST_RECORD) $("raw").append("\n… " + grouped(raw.length - LONGEST_RECORD) + " more characters: Copy has them all");
  $("raw").scrollTop = 0;
  $("only").disabled = !session.pid;
}

async function copy(button, text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = element("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const words = button.firstChild, before = button.dataset.words ??= words.data;
  button.style.width = button.offsetWidth + "px";
  words.data = "Copied";
  setTimeout(() => { words.data = before; }, 1200);
}
const copyRecord = () => { if (state.record >= 0) copy($("copy"), rawOf(state.record)); };
const copyIssue = () => { if (chosen) copy($("issue"), chosen.issue); };

function moveBy(lines) {
  if (!visible.length) return;
  const v = indexIn(state.record), at = state.record < 0 ? indexOfLine(Math.ceil(topPixel() / ROW)) : v >= 0 ? v + lines : -v - 1 + (lines > 0 ? lines - 1 : lines);
  select(visible[Math.max(0, Math.min(visible.length - 1, at))]);
}

function moveToError(step) {
  const v = indexIn(state.record);
  let at = state.record < 0 ? (step > 0 ? 0 : visible.length - 1) : v >= 0 ? v + step : -v - 1 + (step > 0 ? 0 : -1);
  for (; at >= 0 && at < visible.length; at += step) {
    const level = levelOf[visible[at]];
    if (level === ERROR || level === CRITICAL) { select(visible[at], .33); return; }
  }
  $("matches").textContent = step > 0 ? "No further error" : "No earlier error";
}

function goTo(i) {
  if (indexIn(i) < 0) { clearFilters(); filter(); }
  select(i, .75);
  $("list").focus({ preventScroll: true });
}

function clearFilters() {
  Object.assign(state, { q: "", levels: null, roles: null, process: null, from: null, to: null });
}

function toggleFold(i) {
  const v = indexIn(i), at = v >= 0 ? { record: i, below: rowTop(v) - topPixel() } : null;
  if (!unfolded.delete(i)) unfolded.add(i);
  layOut();
  keep(at);
  draw();
}
"""
