"use strict";
// Search, filters and order of the table of datasets, which is all there without this script.
(() => {
  const STEP = 500; // rows that are shown at once
  const table = document.getElementById("all");
  const form = document.getElementById("find");
  if (!table || !form) return;
  const body = table.tBodies[0];
  const heads = Array.from(table.tHead.rows[0].cells);
  const shown = document.getElementById("shown");
  const more = document.getElementById("more");
  const rows = Array.from(body.rows);
  let most = STEP;
  const words = new Map();

  const text = (row) => {
    if (!words.has(row)) words.set(row, row.textContent.toLowerCase());
    return words.get(row);
  };
  const isWanted = (row, parts) =>
    (!form.instrument.value || row.cells[1].textContent === form.instrument.value) &&
    (!form.outcome.value || row.cells[2].textContent.trim() === form.outcome.value) &&
    (!form.family || !form.family.value || row.dataset.family === form.family.value) &&
    parts.every((part) => text(row).includes(part));

  const show = () => {
    const parts = form.words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const row of rows) row.hidden = !(isWanted(row, parts) && ++found <= most);
    const all = found <= most;
    const counts = all ? [found, rows.length] : [most, found];
    shown.textContent = `${all ? "" : "first "}${counts.map((n) => n.toLocaleString("en")).join(" of ")} rows`;
    more.hidden = all;
  };

  const number = (cell) => {
    const words = cell.textContent.trim();
    const clock = /^(\d+):(\d\d):(\d\d)$/.exec(words);
    if (clock) return 3600 * clock[1] + 60 * clock[2] + Number(clock[3]);
    if (words.startsWith("<")) return 0;
    const found = /^[\d,]*\.?\d+/.exec(words);
    return found ? Number(found[0].replaceAll(",", "")) : -1;
  };
  const order = (column) => {
    const head = heads[column];
    const down = head.ariaSort === "ascending" || (head.ariaSort !== "descending" && head.classList.contains("n"));
    for (const other of heads) other.ariaSort = null;
    head.ariaSort = down ? "descending" : "ascending";
    const isNumber = head.classList.contains("n");
    const keys = new Map(rows.map((row) => {
      const cell = row.cells[column];
      return [row, isNumber ? number(cell) : cell.textContent.trim()];
    }));
    const compare = (a, b) => (keys.get(a) < keys.get(b) ? -1 : keys.get(a) > keys.get(b) ? 1 : 0);
    rows.sort((a, b) => (down ? compare(b, a) : compare(a, b)));
    body.append(...rows);
    show();
  };

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => order(column));
    head.replaceChildren(button);
  });
  const change = () => { most = STEP; show(); };
  form.addEventListener("input", change);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(change));
  more.addEventListener("click", () => { most = Infinity; show(); });
  for (const link of document.querySelectorAll("a[data-family]")) {
    link.addEventListener("click", () => {
      form.reset();
      form.family.value = link.dataset.family;
      change();
    });
  }
  // what a link leads to may be folded away
  const unfold = () => {
    const id = decodeURIComponent(location.hash.slice(1));
    const target = id ? document.getElementById(id) : null;
    for (let folded = target?.closest("details"); folded; folded = folded.parentElement.closest("details")) {
      folded.open = true;
    }
  };
  addEventListener("hashchange", unfold);
  unfold();
  form.hidden = false;
  show();
})();
