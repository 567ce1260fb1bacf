"use strict";
// Folds and unfolds the frames, and draws the edges where the boxes lie just now.
const canvas = document.getElementById("canvas");
const edges = document.getElementById("edges");
const facts = document.getElementById("facts");
const links = JSON.parse(document.getElementById("links").textContent);
const folds = [...document.querySelectorAll(".fold")];

function isShown(element) {
  return element.offsetParent !== null;
}

function rowOf(element) {
  return element.closest(".row").getBoundingClientRect();
}

// Where an edge ends at an element, down from its row's side to the element's own; of an open frame, at its port.
function end(id, value, side) {
  const element = document.getElementById(id);
  const row = rowOf(element);
  const own = element.getBoundingClientRect();
  const frame = element.classList.contains("frame") && !element.classList.contains("folded");
  const port = frame && document.getElementById(`${side === "top" ? "in" : "out"}-${id.slice(4)}-${value}`);
  const at = (port || element).getBoundingClientRect();
  return { x: at.left + at.width / 2, row: row[side], own: own[side], box: element.classList.contains("box") || element.classList.contains("folded") };
}

// The first and last rows of a frame hold ports: their edges begin and end at the frame's border.
function border(element, side) {
  return element.closest(".frame").getBoundingClientRect()[side];
}

function pathOf(link, origin) {
  const [from, to, value] = link;
  const a = document.getElementById(from);
  const b = document.getElementById(to);
  const start = end(from, value, "bottom");
  const stop = end(to, value, "top");
  if (a.classList.contains("in")) start.own = border(a, "top");
  if (b.classList.contains("out")) stop.own = border(b, "bottom");
  if (a.classList.contains("pass")) start.own = rowOf(a).top;
  const x = (p) => (p.x - origin.left).toFixed(1);
  const y = (v) => (v - origin.top).toFixed(1);
  const middle = y((start.row + stop.row) / 2);
  const tip = stop.box ? 5 : 0;
  let d = `M${x(start)} ${y(start.own)}V${y(start.row)}`;
  d += `C${x(start)} ${middle} ${x(stop)} ${middle} ${x(stop)} ${y(stop.row)}V${y(stop.own - tip)}`;
  return [d, stop.box ? `M${x(stop)} ${y(stop.own)}l-3.5 -7h7z` : ""];
}

function add(d, name) {
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", d);
  if (name) path.setAttribute("class", name);
  edges.append(path);
}

function draw() {
  edges.replaceChildren();
  const origin = canvas.getBoundingClientRect();
  edges.setAttribute("width", canvas.scrollWidth);
  edges.setAttribute("height", canvas.scrollHeight);
  for (const [frame, inside] of links) {
    if (frame && !isShown(document.getElementById(`in-${frame}`))) continue;
    for (const link of inside) {
      const [d, tip] = pathOf(link, origin);
      add(d, "");
      if (tip) add(tip, "tip");
    }
  }
}

function fold(button, folded) {
  button.parentElement.classList.toggle("folded", folded);
  button.setAttribute("aria-expanded", String(!folded));
}

function foldAll(folded) {
  for (const button of folds) fold(button, folded(button));
  draw();
}

for (const button of folds) {
  button.addEventListener("click", () => {
    fold(button, button.getAttribute("aria-expanded") === "true");
    draw();
  });
  button.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    event.preventDefault();
    fold(button, event.key === "ArrowLeft");
    draw();
  });
}
document.getElementById("all").addEventListener("click", () => foldAll(() => false));
document.getElementById("layers").addEventListener("click", () => foldAll((button) => button.dataset.layer === "yes"));
document.getElementById("none").addEventListener("click", () => foldAll(() => true));
for (const element of document.querySelectorAll("[title]")) {
  const tell = () => { facts.textContent = element.title; };
  element.addEventListener("focus", tell);
  element.addEventListener("click", tell);
}
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") facts.textContent = "";
});
new ResizeObserver(draw).observe(canvas);
draw();
