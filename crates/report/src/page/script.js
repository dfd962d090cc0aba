"use strict";
// Sorting, choosing an answer, and the address: the page is complete without them, and every number is in it already.

const bar = document.querySelector(".bar");
const questions = [...document.querySelectorAll(".bar:not(.twin) select")];
const controls = [...document.querySelectorAll(".bar select, .switch input")];

const answers = () => [...document.querySelectorAll(".answers > div")];

const asked = ({ dataset }) => questions.every(({ name, value }) => (dataset[name] ?? value) === value);

// The entry of the list whose attributes are what the controls say.
const say = () => {
  if (!bar) return;
  const said = bar.querySelector(".said");
  const entry = answers().find(asked);
  if (!entry) {
    said.textContent = bar.dataset.unmeasured;
    return;
  }
  const label = document.createElement("strong");
  label.textContent = entry.dataset.label;
  said.replaceChildren(label, ...entry.querySelector("dd").cloneNode(true).childNodes);
};

// Of the charts that are drawn for every case, the one of the case that was chosen.
for (const others of document.querySelectorAll("details.cases")) {
  others.before(...others.querySelectorAll(".case"));
  others.remove();
}
const show = () => {
  for (const part of document.querySelectorAll("section:has(> .case)")) {
    const cases = [...part.querySelectorAll(":scope > .case")];
    for (const one of cases) one.hidden = !asked(one);
    part.querySelector(".unmeasured").hidden = cases.some((one) => !one.hidden);
  }
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
  show();
};

// A change of the address is a step that the back button takes back.
const toAddress = () => {
  const state = new URLSearchParams();
  for (const control of controls) {
    if (control.type !== "checkbox" || control.checked) state.set(control.name, control.value);
  }
  location.hash = state;
};

const turn = (name, value) => {
  for (const control of controls) if (control.name === name && control.type !== "checkbox") control.value = value;
};

// Another workload may not have been measured as the last one was: what it lacks is turned to the first that it has.
const follow = () => {
  const chosen = questions.find(({ name }) => name === "workload").value;
  let left = answers().filter(({ dataset }) => dataset.workload === chosen);
  for (const { name, value } of questions) {
    const having = left.filter(({ dataset }) => (dataset[name] ?? value) === value);
    if (having.length === 0 && left.length > 0) {
      turn(name, left[0].dataset[name]);
      left = left.filter(({ dataset }) => dataset[name] === left[0].dataset[name]);
    } else {
      left = having;
    }
  }
};

for (const control of controls) {
  control.addEventListener("change", () => {
    turn(control.name, control.value);
    if (control.name === "workload") follow();
    toAddress();
  });
}

// What is folded away is printed too, and folded again.
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details:not([open])")) {
    part.dataset.folded = "";
    part.open = true;
  }
});
addEventListener("afterprint", () => {
  for (const part of document.querySelectorAll("details[data-folded]")) {
    part.open = false;
    delete part.dataset.folded;
  }
});
addEventListener("hashchange", () => {
  // A link to a part of the page is no state of the controls.
  if (location.hash === "" || location.hash.includes("=")) fromAddress();
});
for (const hidden of document.querySelectorAll(".bar")) hidden.hidden = false;
fromAddress();

// The browser lays out a table as a whole, which takes long after each sorting if it is tall. A row that is a grid by
// itself is laid out when it comes into sight; it keeps the widths of the columns, and says what it is to a reader.
const TALL = 500;
const layOutRowByRow = (table) => {
  const widths = [...table.tHead.rows[0].cells].map((head) => `${head.getBoundingClientRect().width}px`);
  table.style.setProperty("--columns", widths.join(" "));
  table.setAttribute("role", "table");
  for (const group of [table.tHead, ...table.tBodies]) {
    group.setAttribute("role", "rowgroup");
    for (const row of group.rows) {
      row.setAttribute("role", "row");
      for (const cell of row.cells) {
        const role = { col: "columnheader", row: "rowheader" }[cell.getAttribute("scope")] ?? "cell";
        cell.setAttribute("role", role);
        if (cell.colSpan > 1) cell.style.gridColumn = `span ${cell.colSpan}`;
      }
    }
  }
  table.classList.add("tall");
};

for (const table of document.querySelectorAll("table[data-sortable]")) {
  const body = table.tBodies[0];
  const value = (row, column) => {
    const cell = row.cells[column];
    if (!cell) return "";
    const number = parseFloat(cell.textContent);
    return Number.isNaN(number) ? cell.textContent : number;
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
  if (body.rows.length > TALL) layOutRowByRow(table);
}
