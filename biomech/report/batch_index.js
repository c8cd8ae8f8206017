"use strict";
(() => {
const rows = JSON.parse(document.getElementById("rows").textContent); /* [words, state, cells] */
const seek = document.getElementById("seek"), body = document.querySelector("tbody");
const [words, failed] = seek.querySelectorAll("input"), [back, on] = seek.querySelectorAll("button");
const told = seek.querySelector("span"), atOnce = Number(seek.dataset.atOnce);
let found = rows, first = 0;

function show() {
  body.innerHTML = found.slice(first, first + atOnce).map(row => `<tr>${row[2]}</tr>`).join("");
  const last = Math.min(first + atOnce, found.length);
  told.textContent = found.length ? `${first + 1} to ${last} of ${found.length}` : "none";
  back.disabled = first === 0;
  on.disabled = last === found.length;
}

function look() {
  const sought = words.value.toLowerCase().split(/\s+/).filter(Boolean);
  found = rows.filter(row => (!failed.checked || row[1] !== "done") && sought.every(word => row[0].includes(word)));
  first = 0;
  show();
}

words.addEventListener("input", look);
failed.addEventListener("change", look);
back.addEventListener("click", () => { first -= atOnce; show(); });
on.addEventListener("click", () => { first += atOnce; show(); });
seek.hidden = false;
look();
})();
