"use strict";
/* What the batch's page shows after searching, paging and sorting is written where the dumped page shows it. */
(async () => {
const root = document.documentElement.dataset, told = [];
while (!root.ready) await new Promise(done => setTimeout(done, 20));
const look = () => told.push(document.querySelector("output").textContent + " " + (document.querySelector("tbody td")?.textContent ?? ""));
const words = document.querySelector("input[type=search]"), [, on] = document.querySelectorAll("#seek button");
const seek = text => { words.value = text; words.dispatchEvent(new Event("input")); };
look(); on.click(); look(); seek("r12"); look(); seek("person"); look(); seek("nobody"); look(); seek("");
const head = document.querySelector("th button");
head.click(); look(); head.click(); look(); head.click(); look();
root.told = told.join("|");
root.sideways = document.documentElement.scrollWidth - document.documentElement.clientWidth;
})();
