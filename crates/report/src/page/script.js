"use strict";
// Sorting, choosing an answer, and the address: the page is complete without them, and every number is in it already.

const bar = document.querySelector(".bar");
const questions = [...document.querySelectorAll(".bar select")];
const controls = [...questions, ...document.querySelectorAll(".switch input")];

// The entry of the list whose attributes are what the controls say.
const say = () => {
  if (!bar) return;
  const said = bar.querySelector(".said");
  const entries = [...document.querySelectorAll(".answers > div")];
  const entry = entries.find(({ dataset }) => questions.every(({ name, value }) => dataset[name] === value));
  if (!entry) {
    said.textContent = bar.dataset.unmeasured;
    return;
  }
  const label = document.createElement("strong");
  label.textContent = entry.dataset.label;
  said.replaceChildren(label, ...entry.querySelector("dd").cloneNode(true).childNodes);
};

// What the address does not say is as it was when the page was loaded.
const fromAddress = () => {
  const state = new URLSearchParams(location.hash.slice(1));
  for (const control of controls) {
    const value = state.get(control.name);
    if (control.type === "checkbox") {
      control.checked = value === control.value;
    } else {
      const options = [...control.options];
      const option = options.find((option) => option.value === value) ?? options.find((option) => option.defaultSelected);
      option.selected = true;
    }
  }
  say();
};

// A change of the address is a step that the back button takes back.
const toAddress = () => {
  const state = new URLSearchParams();
  for (const control of controls) {
    if (control.type !== "checkbox" || control.checked) state.set(control.name, control.value);
  }
  location.hash = state;
};

for (const control of controls) control.addEventListener("change", toAddress);
addEventListener("hashchange", () => {
  // A link to a part of the page is no state of the controls.
  if (location.hash === "" || location.hash.includes("=")) fromAddress();
});
if (bar) bar.hidden = false;
fromAddress();

for (const table of document.querySelectorAll("table[data-sortable]")) {
  const body = table.tBodies[0];
  const value = (row, column) => {
    const cell = row.cells[column];
    if (!cell) return "";
    const text = cell.dataset.value ?? cell.textContent;
    const number = parseFloat(text);
    return Number.isNaN(number) ? text : number;
  };
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const rows = [...body.rows].map((row) => [value(row, column), row]);
      rows.sort(([a], [b]) => {
        const order = typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1;
        return up ? order : -order;
      });
      body.append(...rows.map(([, row]) => row));
    });
  });
}
