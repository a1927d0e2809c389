
"use strict";
const PAGE = 30;
const find = selector => document.querySelector(selector);
const entries = JSON.parse(find("#data").textContent);
const form = find("#explorer form");
const make = (tag, given = {}, ...inner) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) element.setAttribute(name, value);
  element.append(...inner);
  return element;
};
const web = (address, text) => address
  ? make("a", {href: address, rel: "noopener noreferrer", target: "_blank"}, text) : text;
// What is long opens on a click: many repositories describe the same columns.
const about = text => text.length <= 220 ? make("p", {}, text)
  : make("details", {}, make("summary", {}, `${text.slice(0, 150)}…`), make("p", {}, text));
const place = each => make("p", {class: "soft small"}, "in ", web(each.web, each.repository),
  ...(each.path ? [", ", web(each.link, each.path)] : []), ` · team: ${each.team ?? "none"} · owners: ${each.owners ?? "none"}`);
// What came with a template, or was copied, is one entry with all who have it.
const places = many => many.length <= 3 ? many.map(place)
  : [make("details", {}, make("summary", {class: "soft small"}, `in ${many.length.toLocaleString("en")} repositories`), ...many.map(place))];
const entry = each => make("li", {},
  make("p", {}, make("span", {class: "tag note"}, each.kind), " ", make("strong", {}, web(each.places[0].link, each.name))),
  ...(each.about ? [about(each.about)] : []), ...places(each.places));
const start = () => {
  let page = 0;
  const index = entries.map(each => [each.kind, each.name, each.about, ...each.places.flatMap(Object.values)].join(" ").toLowerCase());
  const values = {kind: each => [each.kind], team: each => each.places.map(one => one.team ?? "")};
  const show = (first = false) => {
    const words = form.elements.words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (each, at) => words.every(word => index[at].includes(word)) &&
      Object.entries(values).every(([name, of]) => ["*", ...of(each)].includes(form.elements[name].value));
    const found = entries.filter(fits), pages = Math.max(1, Math.ceil(found.length / PAGE));
    page = first ? 0 : Math.min(page, pages - 1);
    find(".entries").replaceChildren(...found.slice(page * PAGE, (page + 1) * PAGE).map(entry));
    find("output").textContent = `${found.length.toLocaleString("en")} of ${entries.length.toLocaleString("en")} entries`;
    find(".pager span").textContent = `Page ${page + 1} of ${pages}`;
    for (const button of document.querySelectorAll(".pager button")) {
      const next = page + Number(button.dataset.step);
      button.disabled = next < 0 || next >= pages;
    }
  };
  for (const [name, of] of Object.entries(values)) {
    const all = [...new Set(entries.flatMap(of))].sort();
    form.elements[name].append(...all.map(value => make("option", {value}, value || "no team")));
  }
  form.addEventListener("input", () => show(true));
  form.addEventListener("submit", event => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => show(true)));
  for (const button of document.querySelectorAll(".pager button")) {
    button.addEventListener("click", () => {
      page += Number(button.dataset.step);
      show();
      find("#entries").scrollIntoView();
    });
  }
  find("#explorer").hidden = false;
  show(true);
};
if (form) start();
