"use strict";
(() => {
const rows = JSON.parse(document.getElementById("rows").textContent); /* [words, state, cells] */
const seek = document.getElementById("seek"), body = document.querySelector("tbody"), heads = [...document.querySelectorAll("th")];
const [words, failed] = seek.querySelectorAll("input"), [back, on] = seek.querySelectorAll("button");
const told = seek.querySelector("output"), atOnce = Number(seek.dataset.atOnce);
const order = new Intl.Collator("en", {numeric: true, sensitivity: "base"});
let found = rows, first = 0, sorted = rows;

/* The text of a cell; of a failure, which spans cells, nothing. */
const cell = (row, k) => row[2].includes("colspan") && k > 2 ? "" : row[2].split("</td>")[k].replace(/<[^>]*>/g, "");
const off = (button, is) => button.setAttribute("aria-disabled", is);

function show() {
  body.innerHTML = found.slice(first, first + atOnce).map(row => `<tr>${row[2]}</tr>`).join("");
  const last = Math.min(first + atOnce, found.length);
  told.textContent = found.length ? `${first + 1} to ${last} of ${found.length}` : "none found";
  off(back, first === 0);
  off(on, last === found.length);
}

function look() {
  const sought = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  found = sorted.filter(row => (!failed.checked || row[1] !== "done") && sought.every(word => row[0].includes(word)));
  first = 0;
  show();
}

/* Up, down, and as it was; what is empty stands last. */
function sort(k) {
  const was = heads[k].getAttribute("aria-sort"), is = was === "ascending" ? "descending" : was === "descending" ? "" : "ascending";
  heads.forEach(head => head.removeAttribute("aria-sort"));
  sorted = rows;
  if (is) {
    heads[k].setAttribute("aria-sort", is);
    const sign = is === "ascending" ? 1 : -1, texts = new Map(rows.map(row => [row, cell(row, k)]));
    sorted = [...rows].sort((one, two) => {
      const a = texts.get(one), b = texts.get(two);
      return !a || !b ? !a - !b : sign * order.compare(a, b);
    });
  }
  look();
}

heads.slice(0, -1).forEach((head, k) => {
  const button = document.createElement("button");
  button.append(...head.childNodes);
  button.title = "Sort by this";
  button.addEventListener("click", () => sort(k));
  head.append(button);
});
words.addEventListener("input", look);
failed.addEventListener("change", look);
back.addEventListener("click", () => { if (first > 0) { first -= atOnce; show(); } });
on.addEventListener("click", () => { if (first + atOnce < found.length) { first += atOnce; show(); } });
seek.hidden = false;
back.hidden = on.hidden = rows.length <= atOnce;
look();
document.documentElement.dataset.ready = "1";
})();
