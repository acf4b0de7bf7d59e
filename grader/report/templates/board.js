"use strict";
// Sorts and filters the tables of a page. Without it they are sorted by rank, and complete.
for (const board of document.querySelectorAll("[data-board]")) {
  const table = board.querySelector("table");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[0].cells);
  const tools = board.querySelector(".tools");

  const keyOf = (row, place, numeric) => {
    const cell = row.cells[place];
    const value = cell.dataset.value ?? cell.textContent.trim();
    if (value === "") return null;
    return numeric ? Number(value) : value.toLowerCase();
  };

  heads.forEach((head, place) => {
    if (!head.dataset.sort) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const numeric = head.dataset.sort !== "text";
      const first = head.dataset.sort === "down" ? "descending" : "ascending";
      const other = first === "ascending" ? "descending" : "ascending";
      const order = head.getAttribute("aria-sort") === first ? other : first;
      for (const each of heads) each.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const keyed = rows.map((row) => [keyOf(row, place, numeric), row]);
      keyed.sort(([one], [two]) => {
        if (one === two) return 0;
        if (one === null) return 1;  // what is not there comes last, either way
        if (two === null) return -1;
        return sign * (numeric ? one - two : one.localeCompare(two));
      });
      body.append(...keyed.map(([, row]) => row));
    });
  });

  if (!tools) continue;
  const words = tools.querySelector("input");
  const verdict = tools.querySelector("select");
  const count = tools.querySelector("output");
  const filter = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.dataset.who.toLowerCase();
      const fits = wanted.every((word) => text.includes(word)) && (!verdict || !verdict.value || row.dataset.verdict === verdict.value);
      row.hidden = !fits;
      shown += fits;
    }
    count.value = shown === rows.length ? `${rows.length} students` : `${shown} of ${rows.length} students`;
  };
  tools.addEventListener("input", filter);
  tools.addEventListener("submit", (event) => event.preventDefault());
  tools.hidden = false;
  filter();
}
