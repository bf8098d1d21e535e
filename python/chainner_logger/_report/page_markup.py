"""What logs.html consists of, but for its style, its script and the logs.

A module, so that whatever packs an app by following its imports packs this too.
"""

MARKUP = r"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src @@SCRIPT_DIGEST@@; style-src @@STYLE_DIGEST@@; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>chaiNNer logs</title>
<style>@@STYLE@@</style>
</head>
<body>
<div id="opening" role="status">Opening the logs …<noscript> This page needs JavaScript to show them. It is all in this file; nothing is loaded.</noscript></div>
<header class="hidden">
  <h1>chaiNNer logs</h1>
  <p id="origin"></p>
  <div class="group">
    <button class="quiet" id="about-button" type="button">About this report</button>
    <button class="quiet" id="keys-button" type="button">Keys<kbd>?</kbd></button>
  </div>
  <p id="summary"></p>
</header>
<section id="problems" class="hidden" aria-labelledby="problems-title">
  <div class="bar">
    <h2 id="problems-title">What went wrong <span>the newest first</span></h2>
    <button id="issue" type="button" aria-keyshortcuts="I" title="Ten lines of Markdown about the chosen one, for a bug report">Copy for an issue<kbd>I</kbd></button>
    <button id="errors" type="button" title="Hide all other records">Errors only</button>
    <button id="previous" type="button" aria-keyshortcuts="Shift+E" title="Previous error (Shift+E)">‹ Error</button>
    <button id="next" type="button" aria-keyshortcuts="E" title="Next error (E)">Error ›</button>
  </div>
  <div id="findings"></div>
</section>
<section id="time" class="hidden" aria-label="Records over time">
  <canvas id="chart" tabindex="0" role="slider" aria-label="Records over time, by level" aria-valuemin="0" aria-keyshortcuts="Enter Backspace"></canvas>
  <button id="range" class="hidden" type="button" title="Back to the whole time"></button>
  <div id="tip" class="hidden"></div>
</section>
<section id="filters" class="hidden" role="search" aria-label="Filters">
  <div id="find">
    <label class="visually-hidden" for="query">Text in the records</label>
    <input id="query" type="text" placeholder="Find text   ( / )" autocomplete="off" spellcheck="false" aria-keyshortcuts="/">
    <span class="toggles">
      <button id="case" type="button" aria-pressed="false" aria-label="Match case" title="Match case">Aa</button>
      <button id="regex" type="button" aria-pressed="false" aria-label="Regular expression" title="Regular expression">.*</button>
    </span>
  </div>
  <div id="choices">
    <div class="group" id="levels" role="group" aria-label="Levels"></div>
    <div class="group" id="roles" role="group" aria-label="Roles"></div>
    <div class="group">
      <label class="visually-hidden" for="process">Process</label>
      <select id="process"></select>
      <button id="unfold" type="button" aria-pressed="false" aria-keyshortcuts="U" title="Show all lines of all records (U)">Unfold</button>
      <button id="reset" class="quiet" type="button" title="Clear the filters" disabled>Clear</button>
    </div>
  </div>
  <div id="matches" role="status" aria-live="polite"></div>
</section>
<main class="hidden">
  <div id="list" tabindex="0" role="listbox" aria-label="Records">
    <div id="room"></div>
    <div id="rows" role="presentation"></div>
    <div id="empty" class="hidden">No record passes these filters.</div>
  </div>
  <section id="detail" class="hidden" aria-label="The record">
    <div class="bar">
      <div id="facts"></div>
      <button id="copy" type="button" aria-keyshortcuts="C">Copy<kbd>C</kbd></button>
      <button id="only" type="button">Only this process</button>
      <button id="context" type="button" aria-keyshortcuts="X" title="Clear the filters and stay at this record">In context<kbd>X</kbd></button>
      <button id="close" type="button" aria-label="Close the record" aria-keyshortcuts="Escape">✕</button>
    </div>
    <pre id="raw" tabindex="0" aria-label="Text of the record"></pre>
  </section>
</main>
<dialog id="keys" aria-labelledby="keys-title">
  <h2 id="keys-title" tabindex="-1">Keys</h2>
  <table id="key-table"></table>
  <form method="dialog"><button>Close</button></form>
</dialog>
<dialog id="about" aria-labelledby="about-title">
  <h2 id="about-title" tabindex="-1">About this report</h2>
  <pre id="about-text"></pre>
  <form method="dialog"><button>Close</button></form>
</dialog>
<script>@@SCRIPT@@</script>
<script type="text/plain" id="data">@@DATA@@</script>
</body>
</html>
"""
