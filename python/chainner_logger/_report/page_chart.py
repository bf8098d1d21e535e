"""What logs.html does: the chart."""

SCRIPT = r"""
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
  if (state.record >= 0) {
    context.fillStyle = colour("accent");
    context.fillRect(xOf(times[state.record]) - .75, 0, 1.5, height);
  }
  if (cursor >= 0 && document.activeElement === canvas) {
    context.strokeStyle = colour("accent");
    context.lineWidth = 1.5;
    const [first, last] = chosenBins();
    context.strokeRect(GUTTER + first * wide - 1, 1, (last - first + 1) * wide + 1, BARS);
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

// Where the keys are: the parts from the one where Shift was pressed to the cursor.
const chosenBins = () => [Math.min(cursor, anchor), Math.max(cursor, anchor)];
const binOf = time => Math.max(0, Math.min(bins[0].length - 1, Math.floor((time - begin) / (end - begin) * bins[0].length)));
// At the record that is selected, if it is in view.
function placeCursor() {
  const time = times[state.record];
  if (cursor < 0) cursor = anchor = time >= begin && time <= end ? binOf(time) : 0;
}

function binText(k, last = k) {
  const step = (end - begin) / bins[0].length, from = begin + k * step, to = begin + (last + 1) * step;
  const sum = all => all.slice(k, last + 1).reduce((a, b) => a + b, 0);
  const parts = about.levels.map((level, i) => [level, sum(bins[i])]).filter(([, number]) => number).reverse();
  const what = parts.length ? parts.map(([level, number]) => grouped(number) + " " + level).join(", ") : "no record";
  return dateText(from) + " " + timeText(from) + " – " + timeText(to) + "\n" + what;
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
  const binAt = x => binOf(timeAt(x));
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
    placeCursor();
    const step = (end - begin) / bins[0].length, last = bins[0].length - 1, [from, to] = chosenBins();
    const moved = { ArrowRight: cursor + 1, ArrowLeft: cursor - 1, PageUp: cursor + 10, PageDown: cursor - 10, Home: 0, End: last }[event.key];
    if (moved !== undefined) {
      cursor = Math.max(0, Math.min(last, moved));
      if (!event.shiftKey) anchor = cursor;
    } else if (event.key === "Enter") zoom(begin + from * step, begin + (to + 1) * step);
    else if (event.key === "Backspace") zoomOut();
    else return;
    event.preventDefault();
    showCursor();
    drawChart();
  });
  canvas.addEventListener("focus", () => { placeCursor(); showCursor(); drawChart(); });
  canvas.addEventListener("blur", () => { cursor = -1; drawChart(); });
}

function showCursor() {
  $("chart").setAttribute("aria-valuemax", bins[0].length - 1);
  $("chart").setAttribute("aria-valuenow", Math.max(0, cursor));
  $("chart").setAttribute("aria-valuetext", (cursor < 0 ? binText(0) : binText(...chosenBins())).replace("\n", ": "));
}

function sessionAt(x, y) {
  const name = lanes()[Math.floor((y - BARS - AXIS - 2) / LANE)];
  if (y < BARS + AXIS || x < GUTTER || !name) return null;
  return about.sessions.find(session => session.log === name && xOf(session.began) - 3 <= x && x <= xOf(session.ended) + 3) ?? null;
}
"""
