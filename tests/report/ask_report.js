"use strict";
/* Keys go to the report, and what they do is written where the dumped page shows it; overlaps and widths too. */
(async () => {
const wait = ms => new Promise(done => setTimeout(done, ms)), root = document.documentElement.dataset;
while (!root.ready) await wait(20);
const time = document.getElementById("time"), button = document.getElementById("play"), told = [];
const press = (key, more) => {
  document.body.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, ...more}));
  told.push(key === " " ? button.textContent : (+time.value).toFixed(1));
};
press("ArrowRight"); press("ArrowRight"); press("ArrowLeft"); press("ArrowRight", {shiftKey: true}); press("End"); press("Home");
press(" "); press(" ");
root.keys = told.join(" ");
const boxes = [...document.querySelectorAll("svg text")].map(one => one.getBoundingClientRect());
const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2;
root.overlaps = boxes.filter((a, k) => boxes.slice(k + 1).some(b => meet(a, b))).length;
root.sideways = document.documentElement.scrollWidth - document.documentElement.clientWidth;
root.unreached = [...document.querySelectorAll("figure, canvas")].filter(one => one.tabIndex < 0 && !one.querySelector("button")).length;
})();
