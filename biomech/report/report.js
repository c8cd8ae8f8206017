"use strict";
(async () => {
const $ = id => document.getElementById(id);
const COLOURS = {r: "#e8710a", l: "#00508a", "": "#222222"}, SIDES = {r: "right", l: "left", "": ""};
const DASHES = ["", "6 3", "1.5 3"], LINES = ["solid: ", "dashed: ", "dotted: "];
const SVG = "http://www.w3.org/2000/svg";
const fail = text => { $("alarm").hidden = false; $("alarm").textContent = text; };

const bytesOf = text => Uint8Array.from(atob(text.trim()), c => c.charCodeAt(0));
if (typeof DecompressionStream === "undefined") return fail("This browser is too old for the curves and the 3D view (it lacks DecompressionStream); any of 2023 or later shows them.");
const stream = new Blob([bytesOf($("data").textContent)]).stream().pipeThrough(new DecompressionStream("gzip"));
const D = JSON.parse(await new Response(stream).text());
const T = D.time_s, first = T[0], last = T[T.length - 1];

/* The row of ascending times that is nearest to a time. */
function rowAt(times, t) {
  let a = 0, b = times.length - 1;
  while (b - a > 1) { const m = (a + b) >> 1; if (times[m] <= t) a = m; else b = m; }
  return t - times[a] <= times[b] - t ? a : b;
}

/* ---- time: the film's where there is one, else a clock's ---- */
const video = $("film"), film = $("film-data");
const hasFilm = film.textContent.trim() !== "";
const begin = D.film_start_s ?? first;
let now = first, playing = false, stamp = 0, speed = 1;
if (hasFilm) {
  $("film-pane").hidden = false;
  video.src = URL.createObjectURL(new Blob([bytesOf(film.textContent)], {type: "video/" + film.dataset.kind}));
  video.addEventListener("error", () => { $("film-pane").hidden = true; });
}
const filmed = () => hasFilm && !$("film-pane").hidden && video.readyState > 0;
function seek(t) {
  now = Math.min(last, Math.max(first, t));
  if (filmed()) video.currentTime = Math.max(0, now - begin) + 1e-3;
  show();
}
function play(on) {
  if (on && now >= last - 1e-3) seek(first);
  playing = on; stamp = performance.now();
  $("play").textContent = on ? "❚❚" : "▶";
  if (filmed()) { video.playbackRate = speed; if (on) video.play().catch(() => {}); else { video.pause(); if (now < last) { now = Math.min(last, begin + video.currentTime); show(); } } }
  if (on) requestAnimationFrame(tick);
}
function tick(at) {
  if (!playing) return;
  const passed = (at - stamp) / 1000 * speed; stamp = at;
  if (filmed() && !video.paused) now = Math.min(last, begin + video.currentTime); else now += Math.max(0, passed);
  if (now >= last || (filmed() && video.ended)) { now = last; play(false); }
  show(); if (playing) requestAnimationFrame(tick);
}

/* ---- panels ---- */
const el = (name, attributes, parent) => {
  const node = document.createElementNS(SVG, name);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  if (parent) parent.appendChild(node);
  return node;
};
const html = (name, cls, parent, text) => {
  const node = document.createElement(name);
  if (cls) node.className = cls;
  if (text !== undefined) node.textContent = text;
  if (parent) parent.appendChild(node);
  return node;
};
function ticks(low, high, count) {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(k => k * power).find(k => k >= rough);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) found.push(+(k * step).toPrecision(10));
  return found;
}
const W = 300, H = 173, LEFT = 42, RIGHT = 14, TOP = 24, BOTTOM = 39;
function axes(svg, x0, x1, y0, y1, xLabel, yLabel) {
  const X = x => LEFT + (x - x0) / ((x1 - x0) || 1) * (W - LEFT - RIGHT);
  const Y = y => H - BOTTOM - (y - y0) / ((y1 - y0) || 1) * (H - TOP - BOTTOM);
  for (const y of ticks(y0, y1, 5)) {
    el("line", {x1: LEFT, x2: W - RIGHT, y1: Y(y), y2: Y(y), stroke: y === 0 ? "#9aa4b1" : "#e3e6ea"}, svg);
    el("text", {x: LEFT - 4, y: Y(y) + 4, "text-anchor": "end"}, svg).textContent = String(y).replace("-", "−");
  }
  for (const x of ticks(x0, x1, 6)) {
    el("line", {x1: X(x), x2: X(x), y1: H - BOTTOM, y2: H - BOTTOM + 4, stroke: "#9aa4b1"}, svg);
    el("text", {x: X(x), y: H - BOTTOM + 19, "text-anchor": "middle"}, svg).textContent = x;
  }
  el("line", {x1: LEFT, x2: W - RIGHT, y1: H - BOTTOM, y2: H - BOTTOM, stroke: "#9aa4b1"}, svg);
  el("text", {x: W - RIGHT, y: H - 3, "text-anchor": "end"}, svg).textContent = xLabel;
  el("text", {x: 2, y: 10}, svg).textContent = yLabel === "°" ? "degrees" : yLabel === "m" ? "metres" : yLabel;
  return [X, Y];
}
/* A path that breaks where a value is missing; a lone value is a short stroke. */
function path(xs, ys, X, Y) {
  let d = "", pen = false;
  for (let k = 0; k < xs.length; k++) {
    if (ys[k] === null) { pen = false; continue; }
    d += (pen ? "L" : "M") + X(xs[k]).toFixed(1) + " " + Y(ys[k]).toFixed(1);
    if (!pen && (k + 1 === xs.length || ys[k + 1] === null)) d += "h1.5";
    pen = true;
  }
  return d;
}
function band(xs, low, high, X, Y) {
  let d = "", k = 0;
  while (k < xs.length) {
    if (low[k] === null) { k++; continue; }
    let end = k; while (end < xs.length && low[end] !== null) end++;
    let there = "", back = "";
    for (let j = k; j < end; j++) {
      there += (j > k ? "L" : "M") + X(xs[j]).toFixed(1) + " " + Y(high[j]).toFixed(1);
      back = "L" + X(xs[j]).toFixed(1) + " " + Y(low[j]).toFixed(1) + back;
    }
    d += there + back + "Z"; k = end;
  }
  return d;
}
const limits = (values, least) => {
  let low = Infinity, high = -Infinity;
  for (const list of values) for (const v of list) if (v !== null) { if (v < low) low = v; if (v > high) high = v; }
  if (low > high) { low = 0; high = least; }
  if (high - low < least) { const m = (low + high) / 2; low = m - least / 2; high = m + least / 2; }
  const pad = 0.04 * (high - low);
  return [low - pad, high + pad];
};
const moved = (list, by, sign) => list.map((v, k) => v === null || by[k] === null ? null : v + sign * by[k]);
let patterns = 0;
function shade(svg, spans, X) {
  if (!spans.length) return;
  const id = "doubt" + patterns++;
  const p = el("pattern", {id, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)"}, el("defs", {}, svg));
  el("rect", {width: 6, height: 6, fill: "#e6e6e6"}, p); el("rect", {width: 1.5, height: 6, fill: "#c4c4c4"}, p);
  for (const [a, b] of spans) el("rect", {x: X(a), y: TOP, width: Math.max(1, X(b) - X(a)), height: H - TOP - BOTTOM, fill: `url(#${id})`}, svg);
}
const cursors = [];
const number = (v, unit) => v === null || v === undefined ? "–" : (v.toFixed(unit === "m" ? 2 : 0).replace(/^-(?=[0.]*$)/, "")).replace("-", "−");
function frame(parent, title, unit, sign) {
  const box = html("div", "panel", parent), head = html("h4", "", box);
  html("span", "", head, `${title} (${unit})`);
  const value = html("span", "now", head);
  html("div", "sign", box, sign);
  const svg = el("svg", {viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `${title} in ${unit === "°" ? "degrees" : unit}`}, box);
  return [svg, value];
}
function overTime(svg, X, value, say) {
  const cursor = el("line", {class: "cursor", y1: TOP, y2: H - BOTTOM, stroke: "#1d2430", "stroke-width": 1}, svg);
  cursors.push(t => {
    const x = X(t).toFixed(1); cursor.setAttribute("x1", x); cursor.setAttribute("x2", x);
    value.textContent = say(rowAt(T, t));
  });
  svg.addEventListener("click", event => {
    const box = svg.getBoundingClientRect(), x = (event.clientX - box.left) / box.width * W;
    seek(first + (x - LEFT) / (W - LEFT - RIGHT) * (last - first));
  });
}
const sections = {};
for (const panel of D.panels) {
  if (!sections[panel.section]) {
    html("h3", "", $("curves"), panel.section);
    sections[panel.section] = html("div", "grid", $("curves"));
  }
  const [svg, value] = frame(sections[panel.section], panel.title, panel.unit, panel.sign);
  const all = [];
  for (const c of panel.curves) { all.push(c.values); if (c.half) all.push(moved(c.values, c.half, 1), moved(c.values, c.half, -1)); }
  const [y0, y1] = limits(all, panel.unit === "m" ? 0.05 : 10);
  const [X, Y] = axes(svg, first, last, y0, y1, "time (s)", panel.unit);
  shade(svg, panel.doubted, X);
  for (const c of panel.curves) if (c.half)
    el("path", {d: band(T, moved(c.values, c.half, -1), moved(c.values, c.half, 1), X, Y), fill: COLOURS[c.side], "fill-opacity": .18}, svg);
  for (const c of [...panel.curves].reverse())
    el("path", {d: path(T, c.values, X, Y), fill: "none", stroke: COLOURS[c.side], "stroke-width": c.solver ? 1.1 : 1.7, "stroke-dasharray": DASHES[c.solver % 3]}, svg);
  for (const [t, what] of D.events) el("line", {x1: X(t), x2: X(t), y1: H - BOTTOM - 5, y2: H - BOTTOM, stroke: "#009e73", "stroke-width": 1.5}, svg).appendChild(el("title", {})).textContent = what;
  const own = panel.curves.filter(c => c.solver === 0);
  overTime(svg, X, value, row => own.map(c => (c.side ? SIDES[c.side][0].toUpperCase() + " " : "") + number(c.values[row], panel.unit)).join("  "));
}
{ /* marker errors */
  const E = D.errors, [svg, value] = frame($("errors"), "Marker error of each frame", "mm", "Black: RMS, violet: largest; dashed: OpenSim's limits, 20 and 40 mm");
  const [, y1] = limits([E.rms, E.max, [0, E.limits[1] * 1.1]], 1);
  const [X, Y] = axes(svg, first, last, 0, y1, "time (s)", "mm");
  E.limits.forEach((limit, k) => el("line", {x1: LEFT, x2: W - RIGHT, y1: Y(limit), y2: Y(limit), stroke: ["#222222", "#8a6fb0"][k], "stroke-dasharray": "5 4"}, svg));
  el("path", {d: path(T, E.max, X, Y), fill: "none", stroke: "#8a6fb0", "stroke-width": 1.4}, svg);
  el("path", {d: path(T, E.rms, X, Y), fill: "none", stroke: "#222222", "stroke-width": 1.6}, svg);
  overTime(svg, X, value, row => `RMS ${number(E.rms[row], "")}  largest ${number(E.max[row], "")}`);
}
for (const cycle of D.cycles) {
  const [svg] = frame($("cycles-" + cycle.of), cycle.title, cycle.unit, cycle.sign);
  const P = Object.values(cycle.sides)[0][0].map((_, k, list) => 100 * k / (list.length - 1));
  const all = [];
  for (const s in cycle.sides) { const [mean, sd] = cycle.sides[s]; all.push(moved(mean, sd, 1), moved(mean, sd, -1)); }
  if (cycle.normal) all.push(moved(cycle.normal[0], cycle.normal[1], 1), moved(cycle.normal[0], cycle.normal[1], -1));
  const [y0, y1] = limits(all, 10), [X, Y] = axes(svg, 0, 100, y0, y1, cycle.axis, cycle.unit);
  if (cycle.normal) el("path", {d: band(P, moved(...cycle.normal, -1), moved(...cycle.normal, 1), X, Y), fill: "#8a8f98", "fill-opacity": .3, stroke: "#5b6675", "stroke-dasharray": "4 3"}, svg);
  for (const s in cycle.sides) {
    const [mean, sd] = cycle.sides[s];
    el("path", {d: band(P, moved(mean, sd, -1), moved(mean, sd, 1), X, Y), fill: COLOURS[s], "fill-opacity": .18}, svg);
    el("path", {d: path(P, mean, X, Y), fill: "none", stroke: COLOURS[s], "stroke-width": 1.8}, svg);
  }
}
{ /* legend */
  const legend = $("legend"), key = (draw, text) => {
    const item = html("span", "", legend); draw(el("svg", {viewBox: "0 0 30 12"}, item)); item.append(text);
  };
  const line = (colour, dash = "") => svg => el("line", {x1: 0, x2: 30, y1: 6, y2: 6, stroke: colour, "stroke-width": 2.5, "stroke-dasharray": dash}, svg);
  const there = new Set(D.panels.flatMap(p => p.curves.map(c => c.side)));
  if (there.has("r")) key(line(COLOURS.r), "right");
  if (there.has("l")) key(line(COLOURS.l), "left");
  if (there.has("")) key(line(COLOURS[""]), "pelvis, trunk");
  if (D.solvers.length > 1) D.solvers.forEach((s, k) => key(line("#222", DASHES[k % 3]), LINES[k % 3] + s.words));
  if (D.panels.some(p => p.curves.some(c => c.half))) key(svg => el("rect", {width: 30, height: 12, fill: "#222", "fill-opacity": .18}, svg), "two of three true values lie in the band");
  if (D.panels.some(p => p.doubted.length)) key(svg => { const X = x => x; el("rect", {width: 30, height: 12, fill: "#e6e6e6"}, svg); for (let k = 0; k < 30; k += 6) el("line", {x1: k, y1: 12, x2: k + 8, y2: 0, stroke: "#b4b4b4"}, svg); }, "hatched: not to be trusted");
  if (D.events.length) key(svg => el("line", {x1: 15, x2: 15, y1: 2, y2: 12, stroke: "#009e73", "stroke-width": 2}, svg), "event");
}

/* ---- 3D ---- */
const S = D.scene, canvas = $("scene"), pen = canvas.getContext("2d");
function unpacked(rows) {
  if (!rows) return null;
  const size = rows[0].length, sum = new Float32Array(size);
  return rows.map(row => {
    const place = new Float32Array(size);
    for (let k = 0; k < size; k++) if (row[k] === null) place[k] = NaN; else { sum[k] += row[k]; place[k] = sum[k] / 1000; }
    return place;
  });
}
const points = unpacked(S.points), skin = unpacked(S.skin);
let yaw = 0.6, pitch = 0.15, zoom = 1;
/* What is to be seen: the box of all joints, or a person's own where they walk far. */
const middle = [0, 0, 0]; let reach = 1, follows = false;
{
  const low = [1e9, 1e9, 1e9], high = [-1e9, -1e9, -1e9];
  for (const row of points) for (let k = 0; k < 3 * S.joints; k++) if (!isNaN(row[k])) { low[k % 3] = Math.min(low[k % 3], row[k]); high[k % 3] = Math.max(high[k % 3], row[k]); }
  if (low[0] < 1e9) {
    for (let a = 0; a < 3; a++) middle[a] = (low[a] + high[a]) / 2;
    low[1] = Math.min(low[1], S.floor_mm / 1000); middle[1] = (low[1] + high[1] + 0.2) / 2;
    const across = Math.hypot(high[0] - low[0], high[2] - low[2]);
    follows = across > 2; reach = Math.max(0.62 * (high[1] - low[1] + 0.3), follows ? 0 : 0.5 * across, 0.3);
  }
}
let centre = middle.slice();
function blended(rows, t) {
  const times = S.time_s; if (rows.length === 1) return rows[0];
  let a = rowAt(times, t); if (times[a] > t && a > 0) a--;
  const b = Math.min(rows.length - 1, a + 1), share = b === a ? 0 : Math.min(1, Math.max(0, (t - times[a]) / (times[b] - times[a])));
  const one = rows[a], two = rows[b], found = new Float32Array(one.length);
  for (let k = 0; k < found.length; k++) { const d = two[k] - one[k]; found[k] = isNaN(d) ? (share < .5 ? one[k] : two[k]) : one[k] + share * d; }
  return found;
}
let cx = 0, cy = 0, scale = 1, cyaw = 1, syaw = 0, cpitch = 1, spitch = 0;
function project(x, y, z) {
  x -= centre[0]; y -= centre[1]; z -= centre[2];
  /* Seen from the front, the person's right (z) is to our left. */
  const right = syaw * x - cyaw * z, depth = cyaw * x + syaw * z;
  const up = cpitch * y - spitch * depth, near = spitch * y + cpitch * depth, k = scale / (1 - near / (8 * reach));
  return [cx + k * right, cy - k * up, near];
}
function draw(t) {
  const box = canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
  const w = Math.max(1, Math.round(box.width * ratio)), h = Math.max(1, Math.round(box.height * ratio));
  if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
  pen.clearRect(0, 0, w, h);
  const P = blended(points, t), K = skin && $("show-skin").checked ? blended(skin, t) : null;
  centre = middle.slice();
  if (follows) {
    let x = 0, z = 0, n = 0;
    for (let k = 0; k < S.joints; k++) if (!isNaN(P[3 * k])) { x += P[3 * k]; z += P[3 * k + 2]; n++; }
    if (n) { centre[0] = x / n; centre[2] = z / n; }
  }
  cx = w / 2; cy = h / 2; scale = zoom * Math.min(w, h) / 2 / reach;
  cyaw = Math.cos(yaw); syaw = Math.sin(yaw); cpitch = Math.cos(pitch); spitch = Math.sin(pitch);
  const floor = S.floor_mm / 1000, half = Math.ceil(2 * reach) / 2 + .5, gx = Math.round(2 * centre[0]) / 2, gz = Math.round(2 * centre[2]) / 2;
  pen.strokeStyle = "#c9d0d8"; pen.lineWidth = ratio;
  pen.beginPath();
  for (let k = -half; k <= half + 1e-6; k += .5) for (const [a, b] of [[[gx + k, gz - half], [gx + k, gz + half]], [[gx - half, gz + k], [gx + half, gz + k]]]) {
    const [x0, y0] = project(a[0], floor, a[1]), [x1, y1] = project(b[0], floor, b[1]);
    pen.moveTo(x0, y0); pen.lineTo(x1, y1);
  }
  pen.stroke();
  if (K) {
    const n = K.length / 3, px = new Float32Array(n), py = new Float32Array(n), pz = new Float32Array(n);
    for (let k = 0; k < n; k++) [px[k], py[k], pz[k]] = project(K[3 * k], K[3 * k + 1], K[3 * k + 2]);
    const faces = [];
    for (const f of S.triangles) {
      const [a, b, c] = f, area = (px[b] - px[a]) * (py[c] - py[a]) - (px[c] - px[a]) * (py[b] - py[a]);
      if (area >= 0) continue;
      const ux = K[3*b]-K[3*a], uy = K[3*b+1]-K[3*a+1], uz = K[3*b+2]-K[3*a+2], vx = K[3*c]-K[3*a], vy = K[3*c+1]-K[3*a+1], vz = K[3*c+2]-K[3*a+2];
      const nx = uy*vz-uz*vy, ny = uz*vx-ux*vz, nz = ux*vy-uy*vx, size = Math.hypot(nx, ny, nz) || 1;
      faces.push([pz[a] + pz[b] + pz[c], a, b, c, Math.abs((cyaw * nx + syaw * nz) / size) * .5 + (ny / size + 1) * .25]);
    }
    faces.sort((one, two) => one[0] - two[0]);
    pen.globalAlpha = .5;
    for (const [, a, b, c, light] of faces) {
      const g = Math.round(150 + 85 * Math.min(1, light));
      pen.fillStyle = `rgb(${g},${g},${Math.min(255, g + 8)})`;
      pen.beginPath(); pen.moveTo(px[a], py[a]); pen.lineTo(px[b], py[b]); pen.lineTo(px[c], py[c]); pen.fill();
    }
    pen.globalAlpha = 1;
  }
  const at = k => isNaN(P[3 * k]) ? null : project(P[3 * k], P[3 * k + 1], P[3 * k + 2]);
  if ($("show-markers").checked) for (let k = S.joints; k < S.names.length; k++) {
    const p = at(k); if (!p) continue;
    pen.fillStyle = COLOURS[S.sides[k]]; pen.globalAlpha = .75;
    pen.beginPath(); pen.arc(p[0], p[1], 1.7 * ratio, 0, 7); pen.fill();
  }
  pen.globalAlpha = 1; pen.lineCap = "round";
  const lines = S.lines.map(([a, b]) => [at(a), at(b), S.sides[b]]).filter(([a, b]) => a && b).sort((one, two) => one[0][2] + one[1][2] - two[0][2] - two[1][2]);
  for (const [a, b, side] of lines) for (const [width, colour] of [[5, "#fff"], [3, COLOURS[side]]]) {
    pen.strokeStyle = colour; pen.lineWidth = width * ratio;
    pen.beginPath(); pen.moveTo(a[0], a[1]); pen.lineTo(b[0], b[1]); pen.stroke();
  }
  for (let k = 0; k < S.joints; k++) { const p = at(k); if (p) { pen.fillStyle = COLOURS[S.sides[k]]; pen.beginPath(); pen.arc(p[0], p[1], 3.2 * ratio, 0, 7); pen.fill(); } }
}

/* ---- all at one time ---- */
const slider = $("time"), clock = $("clock"), doubt = $("doubt");
/* Its place stays free, so that nothing below jumps while it plays. */
doubt.hidden = !D.doubts.length;
if (D.doubts.length) doubt.textContent = "\u00a0";
slider.min = first; slider.max = last; slider.step = Math.max(.001, (last - first) / 20000).toFixed(4);
function show() {
  slider.value = now;
  slider.setAttribute("aria-valuetext", now.toFixed(2) + " seconds");
  clock.textContent = `${now.toFixed(2)} of ${last.toFixed(2)} s`;
  const why = D.doubts.find(([a, b]) => now >= a && now <= b);
  doubt.style.visibility = why ? "visible" : "hidden"; if (why) doubt.textContent = "Not to be trusted here: " + why[2] + ".";
  for (const move of cursors) move(now);
  draw(now);
}
const F = D.frames_s || T, step = by => seek(F[Math.min(F.length - 1, Math.max(0, rowAt(F, now) + by))]);
$("play").onclick = () => play(!playing);
slider.oninput = () => { if (playing) play(false); seek(+slider.value); };
$("speed").onchange = event => { speed = +event.target.value; if (filmed()) video.playbackRate = speed; };
$("show-skin").onchange = $("show-markers").onchange = show;
const VIEWS = {front: [0, .05], side: [Math.PI / 2, .05], top: [0, 1.5]};
document.querySelectorAll("[data-view]").forEach(button => button.onclick = () => { [yaw, pitch] = VIEWS[button.dataset.view]; zoom = 1; show(); });
document.querySelectorAll(".pictures figure").forEach(figure => { figure.firstChild.onclick = () => { if (playing) play(false); seek(begin + +figure.dataset.time); }; });
const turn = (a, b) => { yaw += a; pitch = Math.min(1.5, Math.max(-.4, pitch + b)); show(); };
document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const tag = event.target.tagName, own = ["SELECT", "SUMMARY"].includes(tag);
  const keys = {
    ArrowLeft: () => event.shiftKey ? seek(now - 1) : step(-1), ArrowRight: () => event.shiftKey ? seek(now + 1) : step(1),
    Home: () => seek(first), End: () => seek(last), " ": () => play(!playing),
    a: () => turn(-.12, 0), d: () => turn(.12, 0), w: () => turn(0, .08), s: () => turn(0, -.08),
    "+": () => { zoom *= 1.15; show(); }, "-": () => { zoom /= 1.15; show(); },
  };
  if (!keys[event.key] || own || (event.key === " " && (tag === "BUTTON" || tag === "INPUT" && event.target.type === "checkbox"))) return;
  if (event.key.startsWith("Arrow") && playing) play(false);
  event.preventDefault(); keys[event.key]();
});
let drag = null;
canvas.onpointerdown = event => { drag = [event.clientX, event.clientY]; canvas.setPointerCapture(event.pointerId); };
canvas.onpointermove = event => { if (!drag) return; turn((event.clientX - drag[0]) / 130, (event.clientY - drag[1]) / 180); drag = [event.clientX, event.clientY]; };
canvas.onpointerup = canvas.onpointercancel = () => { drag = null; };
canvas.addEventListener("wheel", event => { if (document.activeElement !== canvas) return; event.preventDefault(); zoom *= event.deltaY < 0 ? 1.1 : 1 / 1.1; show(); }, {passive: false});
window.addEventListener("resize", show);
window.addEventListener("beforeprint", show);
video.addEventListener("loadeddata", () => seek(now));
show();
document.documentElement.dataset.ready = "1";
})();
