"""What logs.html does."""

SCRIPT = r"""
"use strict";
const opened = performance.now();
const $ = id => document.getElementById(id);
const ROW = 21, TALLEST = 15e6, GAP = 60000, LONGEST_LINE = 2000, LONGEST_RECORD = 400000;
const ERROR = 4, CRITICAL = 5;

/* The data: what page.py wrote. */

function bytesOfBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  const binary = atob(text), bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

async function decompress(bytes) {
  if (typeof DecompressionStream === "undefined") throw new Error("they need a browser of 2023 or later.");
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

let about, count, times, lineCounts, sessionOf, fileOf, startOf, levelOf, days, chunks;

function take(data) {
  const view = new DataView(data.buffer, data.byteOffset), decoder = new TextDecoder();
  const headSize = view.getUint32(0, true);
  about = JSON.parse(decoder.decode(data.subarray(4, 4 + headSize)));
  count = about.count;
  let at = 4 + headSize;
  const column = Type => {
    const size = count * Type.BYTES_PER_ELEMENT, found = new Type(data.slice(at, at + size).buffer);
    at += size + (8 - size % 8) % 8;
    return found;
  };
  times = column(Float64Array);
  const sizes = column(Uint32Array);
  lineCounts = column(Uint32Array);
  sessionOf = column(Uint16Array);
  fileOf = column(Uint16Array);
  startOf = column(Uint8Array);
  levelOf = column(Uint8Array);
  for (let i = 1; i < count; i++) times[i] += times[i - 1];
  days = new Int32Array(count);
  for (let i = 0; i < count; i++) days[i] = Math.floor((times[i] + offsetAt(times[i]) * 60000) / 864e5);
  chunks = [];
  for (let i = 0; i < count;) {
    const chunk = { first: i, begin: at, sizes };
    while (i < count && at - chunk.begin < 1 << 19) at += sizes[i++];
    chunk.end = at; chunk.last = i; chunk.data = data;
    chunks.push(chunk);
  }
}

function offsetAt(time) {
  const all = about.offsets;
  let i = all.length - 1;
  while (i > 0 && all[i][0] > time) i--;
  return all[i][1];
}

// Decodes a part of the text when it is needed first, and finds where its records begin in it.
function read(chunk) {
  if (chunk.text !== undefined) return chunk;
  const bytes = chunk.data.subarray(chunk.begin, chunk.end);
  chunk.text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const offsets = chunk.offsets = new Uint32Array(chunk.last - chunk.first + 1);
  const isPlain = chunk.text.length === bytes.length;
  for (let i = chunk.first, at = 0, units = 0; i < chunk.last; i++) {
    const end = at + chunk.sizes[i];
    if (isPlain) units = end;
    else for (let k = at; k < end; k++) units += (bytes[k] & 0xc0) !== 0x80 ? bytes[k] >= 0xf0 ? 2 : 1 : 0;
    offsets[i - chunk.first + 1] = units;
    at = end;
  }
  chunk.data = null;
  return chunk;
}

function chunkOf(i) {
  let low = 0, high = chunks.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (chunks[middle].first <= i) low = middle; else high = middle - 1;
  }
  return read(chunks[low]);
}

function rawOf(i) {
  const chunk = chunkOf(i), at = i - chunk.first;
  return chunk.text.slice(chunk.offsets[at], chunk.offsets[at + 1] - 1);
}

/* Words */

const two = number => String(number).padStart(2, "0");
const grouped = number => number.toLocaleString("en");
const local = time => new Date(time + offsetAt(time) * 60000);
function dateText(time) { return time <= 0 ? "" : local(time).toISOString().slice(0, 10); }
function timeText(time, withoutFraction) { return time <= 0 ? "" : local(time).toISOString().slice(11, withoutFraction ? 19 : 23); }
function zoneText(time) {
  const offset = offsetAt(time), size = Math.abs(offset);
  return "UTC" + (offset < 0 ? "−" : "+") + two(Math.floor(size / 60)) + ":" + two(size % 60);
}
// With the day only if there are several.
function shortText(time) {
  return (dateText(about.begin) === dateText(about.end) ? "" : dateText(time).slice(5) + " ") + timeText(time, true);
}
function dayText(time) {
  if (time <= 0) return "At an unknown time";
  return local(time).toLocaleDateString("en-GB", { timeZone: "UTC", weekday: "long", day: "numeric", month: "long", year: "numeric" });
}
function spanText(ms) {
  const s = Math.round(ms / 1000);
  if (s < 120) return s + " s";
  if (s < 7200) return Math.floor(s / 60) + " min " + two(s % 60) + " s";
  if (s < 172800) return Math.floor(s / 3600) + " h " + two(Math.floor(s % 3600 / 60)) + " min";
  return Math.floor(s / 86400) + " days " + Math.floor(s % 86400 / 3600) + " h";
}
const whoText = session => session.pid ? session.log + " " + session.pid : session.log;
const plural = (number, word) => grouped(number) + " " + word + (number === 1 ? "" : "s");

function toned(tag, className, tone, text) {
  const made = element(tag, className, text);
  made.style.setProperty("--tone", "var(--" + tone.toLowerCase() + ")");
  return made;
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/* What is shown: the state is the address's fragment. */

const state = { q: "", regex: false, case: false, levels: null, roles: null, process: null, from: null, to: null, record: -1 };
let visible = new Uint32Array(0), firstLines = new Uint32Array(1), hits = null, hitsOf = "", pattern = null;
let unfolded = new Set(), isAllUnfolded = false, levelCounts = [], roles = [], begin = 0, end = 1, bins = null, cursor = -1;
let beginsAt = new Map(), endsAt = new Map(), chosen = null, fatal = [];

function stateToHash() {
  const pairs = [];
  const add = (name, value) => pairs.push(name + "=" + encodeURIComponent(value));
  if (state.q) add("text", state.q);
  if (state.regex) add("regex", 1);
  if (state.case) add("case", 1);
  if (state.levels) add("level", state.levels.map(i => about.levels[i]).join(","));
  if (state.roles) add("role", state.roles.join(","));
  if (state.process !== null) add("process", state.process);
  if (state.from !== null) add("from", new Date(state.from).toISOString());
  if (state.to !== null) add("to", new Date(state.to).toISOString());
  if (state.record >= 0) add("record", state.record);
  return pairs.length ? "#" + pairs.join("&") : "#";
}

function stateFromHash() {
  const given = new URLSearchParams(location.hash.slice(1));
  const time = name => given.has(name) && !isNaN(Date.parse(given.get(name))) ? Date.parse(given.get(name)) : null;
  const list = name => given.has(name) ? given.get(name).split(",") : null;
  const levels = list("level"), record = parseInt(given.get("record") ?? "", 10);
  state.q = given.get("text") ?? "";
  state.regex = given.has("regex");
  state.case = given.has("case");
  state.levels = levels && levels.map(name => about.levels.indexOf(name)).filter(i => i >= 0);
  state.roles = list("role");
  state.process = given.get("process");
  state.from = time("from");
  state.to = time("to");
  state.record = record >= 0 && record < count ? record : -1;
}

// A record that is asked for is shown, also where the filters asked for hide it.
function goToAddress() {
  stateFromHash();
  const record = state.record;
  filter();
  if (record >= 0 && indexIn(record) < 0) { clearFilters(); filter(); }
  if (record >= 0) select(record, .33); else showDetail();
}

function keepInAddress() {
  const hash = stateToHash();
  if (hash === (location.hash || "#")) return;
  try { history.replaceState(null, "", hash); } catch { location.replace(hash); }
}

function search() {
  const key = JSON.stringify([state.q, state.regex, state.case]);
  if (key === hitsOf) return;
  hitsOf = key;
  hits = pattern = null;
  $("query").setAttribute("aria-invalid", "false");
  $("query").title = "";
  if (!state.q) return;
  const source = state.regex ? state.q : state.q.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  try {
    pattern = new RegExp(source, state.case ? "gm" : "gim");
  } catch (error) {
    $("query").setAttribute("aria-invalid", "true");
    $("query").title = error.message;
    return;
  }
  hits = new Uint8Array(count);
  const test = new RegExp(pattern.source, pattern.flags.replace("g", ""));
  const needle = state.case ? state.q : state.q.toLowerCase();
  for (const each of chunks) {
    const { text, offsets, first, last } = read(each);
    const folded = state.regex || state.case ? text : each.lower ??= text.toLowerCase();
    if (state.regex || folded.length !== text.length) {
      for (let i = first; i < last; i++) {
        if (test.test(text.slice(offsets[i - first], offsets[i - first + 1] - 1))) hits[i] = 1;
      }
      continue;
    }
    for (let at = folded.indexOf(needle), i = 0; at >= 0; at = folded.indexOf(needle, offsets[i + 1])) {
      while (offsets[i + 1] <= at) i++;
      hits[first + i] = 1;
    }
  }
}

function filter() {
  const began = performance.now(), at = place();
  search();
  const sessions = new Uint8Array(about.sessions.length);
  about.sessions.forEach((session, i) => {
    const isRole = !state.roles || state.roles.includes(session.role);
    sessions[i] = isRole && (state.process === null || String(session.pid) === state.process) ? 1 : 0;
  });
  const levels = new Uint8Array(about.levels.length);
  about.levels.forEach((_, i) => { levels[i] = !state.levels || state.levels.includes(i) ? 1 : 0; });
  const from = state.from ?? -Infinity, to = state.to ?? Infinity;
  begin = state.from ?? about.begin;
  end = state.to ?? about.end;
  if (end - begin < 1) end = begin + 1;
  const width = binCount(), step = (end - begin) / width, found = new Uint32Array(count);
  bins = Array.from({ length: about.levels.length }, () => new Uint32Array(width));
  let size = 0;
  for (let i = 0; i < count; i++) {
    if (!sessions[sessionOf[i]] || !levels[levelOf[i]] || (hits && !hits[i])) continue;
    const time = times[i];
    if (time < from || time > to) continue;
    found[size++] = i;
    bins[levelOf[i]][Math.min(width - 1, Math.floor((time - begin) / step))]++;
  }
  visible = found.subarray(0, size);
  layOut();
  keep(at);
  const took = performance.now() - began;
  document.documentElement.dataset.filterMilliseconds = took.toFixed(1);
  showControls();
  draw();
}

// How many lines the records before each one take.
function layOut() {
  const size = visible.length, height = rowLines();
  firstLines = new Uint32Array(size + 1);
  for (let v = 0, line = 0; v < size; v++) {
    const i = visible[v];
    line += labelsBefore(i, v ? visible[v - 1] : -1) + height + (endsAt.get(i)?.length ?? 0);
    if (lineCounts[i] > 1 && isUnfolded(i)) line += lineCounts[i] - 1;
    firstLines[v + 1] = line;
  }
  const total = firstLines[size] * ROW;
  $("room").style.height = Math.min(total, TALLEST) + "px";
  $("empty").classList.toggle("hidden", size > 0);
}

const narrow = matchMedia("(max-width: 900px)");
const rowLines = () => narrow.matches ? 2 : 1;
const isUnfolded = i => isAllUnfolded !== unfolded.has(i);
const isGap = (i, before) => before === i - 1 && before >= 0 && times[i] - times[before] >= GAP;
function labelsBefore(i, before) {
  return (before < 0 || days[i] !== days[before] ? 1 : 0) + (isGap(i, before) ? 1 : 0) + (beginsAt.get(i)?.length ?? 0);
}

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
  const kind = isBegin ? "session" : ["crashed", "uncaught exception"].includes(session.ending) ? "crash" : session.ending === "closed" ? "session" : "open";
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

/* Time */

const GUTTER = 74, AXIS = 17, LANE = 13;
let BARS = 58;
const lanes = () => [...new Set(about.sessions.map(session => session.log))].slice(0, 10);
const plotWidth = () => Math.max(50, $("chart").clientWidth - GUTTER - 10);
const binCount = () => Math.max(20, Math.min(400, Math.floor(plotWidth() / 4)));
const xOf = time => GUTTER + (time - begin) / (end - begin) * plotWidth();
const timeAt = x => begin + Math.max(0, Math.min(1, (x - GUTTER) / plotWidth())) * (end - begin);

function drawChart(selection) {
  BARS = narrow.matches ? 30 : 58;
  const canvas = $("chart"), names = lanes(), height = BARS + AXIS + names.length * LANE + 9, width = canvas.clientWidth, scale = devicePixelRatio || 1;
  canvas.style.height = height + "px";
  canvas.width = width * scale;
  canvas.height = height * scale;
  const context = canvas.getContext("2d"), style = getComputedStyle(document.documentElement), colour = name => style.getPropertyValue("--" + name).trim();
  context.scale(scale, scale);
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "middle";
  const size = bins[0].length, wide = plotWidth() / size, totals = new Float64Array(size);
  for (const bin of bins) bin.forEach((number, k) => { totals[k] += number; });
  const tallest = Math.sqrt(totals.reduce((a, b) => Math.max(a, b), 1));
  const order = [CRITICAL, ERROR, 3, 2, 1, 0, 6];
  for (let k = 0; k < size; k++) {
    if (!totals[k]) continue;
    const all = Math.max(3, Math.sqrt(totals[k]) / tallest * (BARS - 6));
    let y = BARS;
    for (const level of order) {
      const number = bins[level][k];
      if (!number) continue;
      // Few errors among many records must be seen.
      const part = Math.min(y - 2, Math.max(level >= 3 && level <= 5 ? 3 : .5, number / totals[k] * all));
      context.fillStyle = colour(about.levels[level].toLowerCase());
      context.globalAlpha = level >= 3 && level <= 5 ? 1 : .62;
      context.fillRect(GUTTER + k * wide, y - part, Math.max(1, wide - 1), part);
      y -= part;
    }
  }
  context.globalAlpha = 1;
  context.fillStyle = colour("line");
  context.fillRect(GUTTER, BARS, plotWidth(), 1);
  context.fillStyle = colour("muted");
  context.fillText("records", 10, BARS / 2);
  for (const [x, text, align] of ticks()) {
    context.fillStyle = colour("line");
    context.fillRect(x, BARS, 1, 4);
    context.fillStyle = colour("muted");
    context.textAlign = align;
    context.fillText(text, x, BARS + 11);
  }
  context.textAlign = "left";
  names.forEach((name, row) => {
    const y = BARS + AXIS + 4 + row * LANE;
    context.fillStyle = colour("muted");
    context.fillText(name, 10, y + 3, GUTTER - 16);
    for (const session of about.sessions) {
      if (session.log !== name || session.ended < begin || session.began > end) continue;
      const from = Math.max(GUTTER, xOf(session.began)), to = Math.min(GUTTER + plotWidth(), xOf(session.ended));
      context.fillStyle = colour(session.role);
      context.globalAlpha = state.process === null || state.process === String(session.pid) ? .75 : .25;
      context.fillRect(from, y, Math.max(2, to - from - 1), 5);
      context.globalAlpha = 1;
    }
    context.strokeStyle = colour("critical");
    context.lineWidth = 2;
    context.beginPath();
    for (const i of fatal) {
      const x = xOf(times[i]);
      if (about.sessions[sessionOf[i]].log !== name || times[i] < begin || times[i] > end) continue;
      for (const [a, b] of [[-3, 3], [3, -3]]) { context.moveTo(x - 3, y + 2.5 + a); context.lineTo(x + 3, y + 2.5 + b); }
    }
    context.stroke();
  });
  if (selection) {
    context.fillStyle = colour("accent");
    context.globalAlpha = .18;
    context.fillRect(Math.min(...selection), 0, Math.abs(selection[1] - selection[0]), height);
    context.globalAlpha = 1;
  }
  if (state.record >= 0 && times[state.record] >= begin && times[state.record] <= end) {
    context.fillStyle = colour("accent");
    context.fillRect(xOf(times[state.record]) - .75, 0, 1.5, height);
  }
  if (cursor >= 0 && document.activeElement === canvas) {
    context.strokeStyle = colour("accent");
    context.lineWidth = 1.5;
    context.strokeRect(GUTTER + cursor * wide - 1, 1, wide + 1, BARS);
  }
}

function ticks() {
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 108e5, 216e5, 432e5, 864e5, 1728e5, 6048e5, 25920e5, 315360e5];
  const most = Math.max(2, Math.floor(plotWidth() / 130)), step = steps.find(each => (end - begin) / each <= most) ?? steps[steps.length - 1];
  const shift = offsetAt(begin) * 60000, made = [];
  for (let time = Math.ceil((begin + shift) / step) * step - shift; time <= end; time += step) {
    const text = step >= 864e5 ? dateText(time) : step >= 6e4 ? ((end - begin > 864e5 ? dateText(time).slice(5) + " " : "") + timeText(time, true).slice(0, 5)) : step >= 1000 ? timeText(time, true) : timeText(time);
    const x = xOf(time), half = 34;
    if (x < GUTTER + half || x > GUTTER + plotWidth() - half) continue;
    made.push([x, text, "center"]);
  }
  return made;
}

function binText(k) {
  const step = (end - begin) / bins[0].length, from = begin + k * step;
  const parts = about.levels.map((level, i) => [level, bins[i][k]]).filter(([, number]) => number).reverse();
  const what = parts.length ? parts.map(([level, number]) => grouped(number) + " " + level).join(", ") : "no record";
  return dateText(from) + " " + timeText(from) + " – " + timeText(from + step) + "\n" + what;
}

function zoom(from, to) {
  state.from = Math.floor(Math.min(from, to));
  state.to = Math.ceil(Math.max(from, to));
  cursor = -1;
  filter();
  keepInAddress();
}

function zoomOut() {
  if (state.from === null && state.to === null) return;
  const size = (end - begin) * 5, middle = (begin + end) / 2;
  state.from = Math.max(about.begin, Math.floor(middle - size / 2));
  state.to = Math.min(about.end, Math.ceil(middle + size / 2));
  if (state.from <= about.begin && state.to >= about.end) state.from = state.to = null;
  cursor = -1;
  filter();
  keepInAddress();
}

function listenToChart() {
  const canvas = $("chart"), tip = $("tip");
  let from = null;
  const xIn = event => event.clientX - canvas.getBoundingClientRect().left;
  const binAt = x => Math.max(0, Math.min(bins[0].length - 1, Math.floor((x - GUTTER) / plotWidth() * bins[0].length)));
  canvas.addEventListener("pointerdown", event => {
    if (event.button) return;
    from = xIn(event);
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", event => {
    const x = xIn(event), y = event.clientY - canvas.getBoundingClientRect().top, session = sessionAt(x, y);
    tip.textContent = session ? whoText(session) + "\n" + session.end_text : binText(binAt(x));
    tip.classList.remove("hidden");
    tip.style.left = Math.max(4, Math.min(canvas.clientWidth - tip.offsetWidth - 4, x + 14)) + "px";
    if (from !== null && Math.abs(x - from) > 4) drawChart([from, x]);
  });
  canvas.addEventListener("pointerleave", () => tip.classList.add("hidden"));
  canvas.addEventListener("pointercancel", () => { from = null; drawChart(); });
  canvas.addEventListener("pointerup", event => {
    if (from === null) return;
    const x = xIn(event), y = event.clientY - canvas.getBoundingClientRect().top, session = sessionAt(x, y), start = from;
    from = null;
    if (Math.abs(x - start) > 4) zoom(timeAt(start), timeAt(x));
    else if (session && session.pid) { state.process = state.process === String(session.pid) ? null : String(session.pid); changed(); }
    else if (x >= GUTTER) { const step = (end - begin) / bins[0].length, k = binAt(x); zoom(begin + k * step, begin + (k + 1) * step); }
  });
  canvas.addEventListener("dblclick", () => { state.from = state.to = null; changed(); });
  canvas.addEventListener("keydown", event => {
    const step = (end - begin) / bins[0].length, last = bins[0].length - 1, far = event.shiftKey ? 10 : 1;
    if (event.key === "ArrowRight") cursor = Math.min(last, cursor + far);
    else if (event.key === "ArrowLeft") cursor = Math.max(0, cursor - far);
    else if (event.key === "Home") cursor = 0;
    else if (event.key === "End") cursor = last;
    else if (event.key === "Enter" && cursor >= 0) zoom(begin + cursor * step, begin + (cursor + 1) * step);
    else if (event.key === "Backspace") zoomOut();
    else return;
    event.preventDefault();
    event.stopPropagation();
    showCursor();
    drawChart();
  });
  canvas.addEventListener("focus", () => { showCursor(); drawChart(); });
  canvas.addEventListener("blur", () => drawChart());
}

function showCursor() {
  $("chart").setAttribute("aria-valuemax", bins[0].length - 1);
  $("chart").setAttribute("aria-valuenow", Math.max(0, cursor));
  $("chart").setAttribute("aria-valuetext", binText(Math.max(0, cursor)).replace("\n", ": "));
}

function sessionAt(x, y) {
  const name = lanes()[Math.floor((y - BARS - AXIS - 2) / LANE)];
  if (y < BARS + AXIS || x < GUTTER || !name) return null;
  return about.sessions.find(session => session.log === name && xOf(session.began) - 3 <= x && x <= xOf(session.ended) + 3) ?? null;
}

/* Controls */

function changed() { filter(); keepInAddress(); }

function chip(text, tone, number, toggle) {
  const made = toned("button", "chip", tone, text);
  made.type = "button";
  if (number !== null) made.append(element("i", "", grouped(number)));
  made.addEventListener("click", toggle);
  return made;
}

// What of `all` is on after a click: alone with Shift, and never nothing.
function toggled(now, all, one, isAlone) {
  const before = now ?? all;
  let after = isAlone ? (before.length === 1 && before[0] === one ? all : [one]) : before.includes(one) ? before.filter(each => each !== one) : [...before, one];
  if (!after.length) after = all;
  return after.length === all.length ? null : all.filter(each => after.includes(each));
}

function build() {
  levelCounts = about.levels.map(() => 0);
  for (let i = 0; i < count; i++) levelCounts[levelOf[i]]++;
  const levels = about.levels.map((_, i) => i).filter(i => levelCounts[i]);
  for (const i of levels) {
    const made = chip(about.levels[i], about.levels[i].toLowerCase(), levelCounts[i], event => { state.levels = toggled(state.levels, levels, i, event.shiftKey); changed(); });
    made.dataset.level = i;
    made.title = "Click: show or hide. Shift+click: only this";
    $("levels").append(made);
  }
  roles = [...new Set(about.sessions.map(session => session.role))];
  for (const role of roles) {
    const made = chip(role, role, null, event => { state.roles = toggled(state.roles, roles, role, event.shiftKey); changed(); });
    made.dataset.role = role;
    $("roles").append(made);
  }
  $("roles").classList.toggle("hidden", roles.length < 2);
  if (about.problems.length > 1) $("problems-title").lastChild.textContent = "the newest of " + grouped(about.problems.length) + " first";
  $("process").append(new Option("All processes", ""));
  const seen = new Set();
  about.sessions.forEach((session, i) => {
    if (session.is_begun) put(beginsAt, session.first, session);
    if (session.pid) put(endsAt, session.last, session);
    if (!session.pid || seen.has(session.pid)) return;
    seen.add(session.pid);
    $("process").append(new Option(whoText(session) + ", " + shortText(session.began) + (session.ending === "crashed" ? ", crashed" : ""), session.pid));
  });
  about.problems.forEach(addFinding);
  fatal = about.problems.filter(isFatal).flatMap(each => each.at);
  const isFine = !about.problems.length;
  if (isFine) $("findings").append(element("div", "", "No crash and no error in these logs."));
  if (isFine) $("findings").lastChild.id = "nothing";
  for (const id of ["issue", "errors", "previous", "next"]) $(id).disabled = isFine;
  const last = about.sessions[firstProblem()?.session] ?? about.sessions.findLast(session => session.application) ?? {};
  $("origin").append(element("b", "", last.application ? (/^\d/.test(last.application) ? "Version " : "") + last.application : "Version not said"), element("span", "", last.system ? "  on " + last.system : ""));
  const isOneDay = dateText(about.begin) === dateText(about.end);
  const span = dateText(about.begin) + " " + timeText(about.begin, true) + " – " + (isOneDay ? "" : dateText(about.end) + " ") + timeText(about.end, true) + " " + zoneText(about.end);
  $("summary").textContent = (about.end ? span : "at an unknown time") + "  ·  " + about.extent.replace(/(?<!,) /g, "\u00a0");
  $("about-text").textContent = about.text;
  const keys = [["/", "find text"], ["↓ ↑, J K", "next and previous record"], ["Page ↓ ↑, Home, End", "go further"], ["E, Shift+E", "next and previous error"], ["Enter, ← →", "fold and unfold a record"], ["U", "unfold all records"], ["P", "go to what went wrong; there ↓ ↑, Enter shows it"], ["I", "copy what a bug report needs"], ["C", "copy the record as it stood"], ["X", "show the record in context: clear the filters"], ["Shift+click", "show only this level or role"], ["T", "go to the chart; there ← → move, Enter goes in, Backspace out; the mouse draws a range"], ["Esc", "close the record, then clear the filters"], ["?", "this table"]];
  for (const [key, what] of keys) {
    const row = element("tr"), cell = element("td");
    cell.append(element("kbd", "", key));
    row.append(cell, element("td", "", what));
    $("key-table").append(row);
  }
}

function put(map, key, value) {
  if (map.has(key)) map.get(key).push(value); else map.set(key, [value]);
}

// The newest, but for what others say about the end of a process.
function firstProblem() {
  const newest = about.problems[0];
  return about.problems.find(each => isFatal(each) && each.last > newest.last - 10000) ?? newest ?? null;
}
const isFatal = problem => ["crash", "exception"].includes(problem.kind);

function addFinding(problem) {
  const made = element("button", "finding " + problem.kind), times_ = element("span", "times"), session = about.sessions[problem.session];
  made.type = "button";
  if (problem.count > 1) times_.append(element("b", "", "× " + grouped(problem.count)), " since " + shortText(problem.first).slice(0, -3));
  const badge = { crash: "Crash", exception: "Exception", error: "Error", killed: "Cut off" }[problem.kind];
  const what = element("span", "what", problem.kind === "killed" ? problem.verb + ": " + problem.what : problem.what);
  made.append(element("span", "badge", badge), element("span", "who", whoText(session)), what, element("span", "where", problem.where), times_, element("time", "", shortText(problem.last) + timeText(problem.last).slice(8)));
  made.title = problem.what;
  made.addEventListener("click", () => goTo(problem.at[problem.at.length - 1]));
  $("findings").append(made);
}

// The problem of which the chosen record tells; else the one that was chosen last.
function showChosen() {
  chosen = about.problems.find(each => each.at.includes(state.record)) ?? chosen ?? firstProblem();
  about.problems.forEach((each, i) => {
    const made = $("findings").children[i];
    made.setAttribute("aria-current", each === chosen);
    made.tabIndex = each === chosen ? 0 : -1;
    if (each === chosen) made.scrollIntoView({ block: "nearest" });
  });
}

function showControls() {
  if (document.activeElement !== $("query")) $("query").value = state.q;
  $("regex").setAttribute("aria-pressed", state.regex);
  $("case").setAttribute("aria-pressed", state.case);
  for (const each of $("levels").children) each.setAttribute("aria-pressed", !state.levels || state.levels.includes(Number(each.dataset.level)));
  for (const each of $("roles").children) each.setAttribute("aria-pressed", !state.roles || state.roles.includes(each.dataset.role));
  $("process").value = state.process ?? "";
  const hasRange = state.from !== null || state.to !== null;
  $("range").classList.toggle("hidden", !hasRange);
  if (hasRange) $("range").textContent = timeText(begin, end - begin > 10000) + " – " + timeText(end, end - begin > 10000) + "  ✕";
  $("reset").disabled = !(state.q || state.levels || state.roles || state.process !== null || hasRange);
  $("unfold").setAttribute("aria-pressed", isAllUnfolded);
  $("matches").textContent = visible.length === count ? plural(count, "record") : grouped(visible.length) + " of " + plural(count, "record");
  drawChart();
}

function listen() {
  let timer = 0;
  $("query").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => { state.q = $("query").value; changed(); }, 120);
  });
  $("query").addEventListener("keydown", event => {
    if (event.key === "Enter" || event.key === "ArrowDown") { $("list").focus(); moveBy(0); event.preventDefault(); }
    if (event.key === "Escape") { $("query").value = state.q = ""; changed(); $("list").focus(); }
    event.stopPropagation();
  });
  for (const name of ["regex", "case"]) $(name).addEventListener("click", () => { state[name] = !state[name]; changed(); });
  $("process").addEventListener("change", () => { state.process = $("process").value || null; changed(); });
  $("process").addEventListener("keydown", event => event.stopPropagation());
  $("range").addEventListener("click", () => { state.from = state.to = null; changed(); });
  $("reset").addEventListener("click", () => { clearFilters(); changed(); if (state.record >= 0) select(state.record, .33); });
  $("issue").addEventListener("click", copyIssue);
  $("errors").addEventListener("click", () => { clearFilters(); state.levels = [ERROR, CRITICAL].filter(i => levelCounts[i]); changed(); $("list").focus(); });
  $("findings").addEventListener("keydown", event => {
    const to = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key], next = to && document.activeElement[to];
    if (!to) return;
    next?.focus();
    event.preventDefault();
    event.stopPropagation();
  });
  $("previous").addEventListener("click", () => moveToError(-1));
  $("next").addEventListener("click", () => moveToError(1));
  $("unfold").addEventListener("click", unfoldAll);
  $("copy").addEventListener("click", copyRecord);
  $("only").addEventListener("click", () => { state.process = String(about.sessions[sessionOf[state.record]].pid); changed(); select(state.record, .33); });
  $("context").addEventListener("click", inContext);
  $("close").addEventListener("click", close);
  $("keys-button").addEventListener("click", () => showDialog("keys"));
  $("about-button").addEventListener("click", () => showDialog("about"));
  $("list").addEventListener("scroll", draw, { passive: true });
  $("list").addEventListener("click", event => {
    const fold = event.target.closest("[data-fold]"), row = event.target.closest("[data-record]");
    if (fold) toggleFold(Number(fold.dataset.fold));
    else if (row && !String(getSelection())) select(Number(row.dataset.record));
  });
  $("list").addEventListener("dblclick", event => {
    const row = event.target.closest("[data-record]");
    if (row && lineCounts[row.dataset.record] > 1) toggleFold(Number(row.dataset.record));
  });
  const onListKey = event => {
    const page = Math.max(1, Math.floor($("list").clientHeight / ROW) - 1), i = state.record, hasLines = i >= 0 && lineCounts[i] > 1;
    if (event.key === "ArrowDown") moveBy(1);
    else if (event.key === "ArrowUp") moveBy(-1);
    else if (event.key === "PageDown") moveBy(page);
    else if (event.key === "PageUp") moveBy(-page);
    else if (event.key === "Home") select(visible[0] ?? -1);
    else if (event.key === "End") select(visible[visible.length - 1] ?? -1);
    else if (event.key === "Enter" && hasLines) toggleFold(i);
    else if (event.key === "ArrowRight" && hasLines && !isUnfolded(i)) toggleFold(i);
    else if (event.key === "ArrowLeft" && hasLines && isUnfolded(i)) toggleFold(i);
    else return;
    event.preventDefault();
  };
  $("list").addEventListener("keydown", onListKey);
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const key = event.key;
    if (document.activeElement === document.body) onListKey(event);
    if (key === "/") $("query").select();
    else if (key === "e" || key === "E") moveToError(event.shiftKey ? -1 : 1);
    else if (key === "j") moveBy(1);
    else if (key === "k") moveBy(-1);
    else if (key === "c") copyRecord();
    else if (key === "i") copyIssue();
    else if (key === "p") $("findings").querySelector("[aria-current=true]")?.focus();
    else if (key === "x") inContext();
    else if (key === "u") unfoldAll();
    else if (key === "t") $("chart").focus();
    else if (key === "?") showDialog("keys");
    else if (key === "Escape" && state.record >= 0) close();
    else if (key === "Escape") { clearFilters(); changed(); }
    else return;
    event.preventDefault();
  });
  addEventListener("hashchange", goToAddress);
  new ResizeObserver(() => { filter(); }).observe($("chart").parentElement);
  new ResizeObserver(draw).observe($("list"));
  for (const id of ["choices", "findings"]) {
    const all = $(id), isMore = () => all.scrollLeft + all.clientWidth < all.scrollWidth - 1 || all.scrollTop + all.clientHeight < all.scrollHeight - 1;
    const hint = () => all.classList.toggle("more", isMore());
    all.addEventListener("scroll", hint, { passive: true });
    new ResizeObserver(hint).observe(all);
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawChart());
  listenToChart();
}

function unfoldAll() {
  const at = place();
  isAllUnfolded = !isAllUnfolded;
  unfolded.clear();
  layOut();
  keep(at);
  showControls();
  draw();
}

// From its beginning, not from the button at its end.
function showDialog(id) {
  $(id).showModal();
  $(id).querySelector("h2").focus();
}

function inContext() {
  if (state.record < 0) return;
  clearFilters();
  changed();
  select(state.record, .33);
}

function close() {
  state.record = -1;
  showDetail();
  keepInAddress();
  draw();
  drawChart();
  $("list").focus();
}

// So that the first search need not wait for all the text to be decoded.
function prepare(k = 0) {
  if (k >= chunks.length) { document.documentElement.dataset.state = "prepared"; return; }
  const deadline = performance.now() + 12;
  while (k < chunks.length && performance.now() < deadline) { const chunk = read(chunks[k++]); chunk.lower ??= chunk.text.toLowerCase(); }
  setTimeout(prepare, 0, k);
}

async function open() {
  const script = $("data"), text = script.textContent;
  script.remove();
  take(await decompress(bytesOfBase64(text.trim())));
  for (const id of ["problems", "time", "filters"]) $(id).classList.remove("hidden");
  document.querySelector("header").classList.remove("hidden");
  document.querySelector("main").classList.remove("hidden");
  $("opening").remove();
  build();
  goToAddress();
  listen();
  showChosen();
  if (location.hash.length > 1 || !chosen) { if (state.record < 0) scrollTo(1e15); }
  else goTo(chosen.at[chosen.at.length - 1]);
  requestAnimationFrame(() => setTimeout(() => {
    document.documentElement.dataset.openMilliseconds = (performance.now()).toFixed(0);
    document.documentElement.dataset.state = "ready";
    setTimeout(prepare, 50);
  }));
}

addEventListener("DOMContentLoaded", () => open().catch(error => {
  const words = "These logs cannot be shown: " + error.message;
  document.documentElement.dataset.state = "failed";
  if ($("opening")) $("opening").textContent = words; else document.body.prepend(element("div", "", words));
}));
"""
