
"use strict";
const form = document.querySelector("form.filters");
if (form) {
  const checks = [...document.querySelectorAll("details.check")].map(
    element => ({element, text: element.textContent.toLowerCase()}));
  const output = form.querySelector("output");
  const filter = () => {
    const words = form.elements.words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = new Set([...form.querySelectorAll("[name=severity]:checked")].map(e => e.value));
    let shown = 0;
    for (const {element, text} of checks) {
      element.hidden = !wanted.has(element.dataset.severity) || !words.every(w => text.includes(w));
      shown += !element.hidden;
    }
    for (const family of document.querySelectorAll(".family")) {
      family.hidden = !family.querySelector("details.check:not([hidden])");
    }
    output.textContent = `${shown} of ${checks.length} broken rules`;
  };
  form.addEventListener("input", filter);
  form.addEventListener("submit", event => event.preventDefault());
  form.hidden = false;
  filter();
}
const open = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) { target.open = true; target.scrollIntoView(); }
};
addEventListener("hashchange", open);
open();
