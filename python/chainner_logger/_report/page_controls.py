"""What logs.html does: what can be clicked, typed and chosen, and how all begins."""

SCRIPT = r"""
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
    $("process").append(new Option(whoText(session) + ", " + shortText(session.began) + (["crashed", "killed"].includes(session.ending) ? ", " + session.ending : ""), session.pid));
  });
  about.problems.forEach(addFinding);
  fatal = about.problems.filter(each => each.kind !== "error").flatMap(each => each.at);
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
  const keys = [["/", "find text"], ["↓ ↑, J K", "next and previous record"], ["Page ↓ ↑, Home, End", "go further"], ["E, Shift+E", "next and previous error"], ["Enter, ← →", "fold and unfold a record"], ["U", "unfold all records"], ["P", "go to what went wrong; there ↓ ↑, Enter shows it; both once more: what else tells of it"], ["I", "copy what a bug report needs"], ["C", "copy the record as it stood"], ["X", "show the record in context: clear the filters"], ["Shift+click", "show only this level or role"], ["T", "go to the chart, at the selected record; there ← → move, Shift+← → choose a range, Enter goes in, Backspace out; the mouse draws a range"], ["Esc", "close the record, then clear the filters"], ["?", "this table"]];
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
  const what = element("span", "what", problem.kind === "killed" && !problem.what.startsWith("killed by ") ? problem.verb + ": " + problem.what : problem.what);
  made.append(element("span", "badge", badge), element("span", "who", whoText(session)), what, element("span", "where", problem.where), times_, element("time", "", shortText(problem.last) + timeText(problem.last).slice(8)));
  const last = problem.at[problem.at.length - 1], also = problem.also[problem.also.length - 1];
  made.title = problem.what + (also === undefined ? "" : "\nAgain: what else tells of it");
  made.addEventListener("click", () => goTo(state.record === last ? also ?? last : last));
  $("findings").append(made);
}

// The problem of which the chosen record tells; else the one that was chosen last.
function showChosen() {
  chosen = about.problems.find(each => each.at.includes(state.record) || each.also.includes(state.record)) ?? chosen ?? firstProblem();
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
  $("errors").addEventListener("click", () => { state.levels = [ERROR, CRITICAL].filter(i => levelCounts[i]); changed(); $("list").focus(); });
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
