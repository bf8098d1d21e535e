"""What logs.html does: reads its data, and knows what is shown."""

SCRIPT = r"""
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
let unfolded = new Set(), isAllUnfolded = false, levelCounts = [], roles = [], begin = 0, end = 1, bins = null, cursor = -1, anchor = -1;
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
"""
