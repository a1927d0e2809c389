
"use strict";
const PAGE = matchMedia("(max-width: 48rem)").matches ? 15 : 50;
const find = (selector, within = document) => within.querySelector(selector);
const data = JSON.parse(find("#data").textContent);
const rows = data.rows;
const form = find("#explorer form"), table = find("table.rows"), dialog = find("#detail");
const taken = Date.parse(data.taken);

// ---- What the columns show. `value` is what is sorted; undefined comes last, and is told in words.
const number = digits => value => value.toLocaleString("en", {maximumFractionDigits: digits});
const several = (many, one, more) => `${number(0)(many)} ${many === 1 ? one : more}`;
const percent = digits => value => `${(100 * value).toFixed(digits)}%`;
const days = text => text && Math.max(0, Math.floor((taken - Date.parse(text)) / 864e5));
const column = (id, title, value, {form: shown = value => String(value), none = "not judged", figure = true, tone} = {}) =>
  ({id, title, value, shown, none, figure, tone});
const word = (id, title, value, none) => column(id, title, value, {figure: false, none});
const reported = {none: "not reported"};
const KINDS = {tdsp: "tdsp", none: "no template", "not ml": "not ML"};
const verdict = row => row.state === "failed" ? "not read"
  : {passes: "in order", fails: "not in order"}[row.verdict] ?? "not judged";
const version = row => row.template_version;
const versionState = row => row.current === true ? "current" : row.current === false ? "behind" : "not judged";
const problems = row => row.state === "failed" ? "not read"
  : ["tdsp", "other template"].includes(row.kind) ? "not judged" : "no template";
const figures = row => row.model?.figures &&
  Object.entries(row.model.figures).map(([name, value]) => `${name} ${number(4)(value)}`).join(", ");

const TEAM = word("team", "Team", row => row.group, "no team");
const ERRORS = column("errors", "Errors", row => row.errors, {tone: value => value ? "error" : ""});
const VERSION = word("version", "Version", version, problems);
const BEHIND = column("behind", "Days behind", row => row.days_behind, {none: problems});
const UPDATES = {pushed: "branch pushed", conflict: "conflict", failed: "failed"};
const update = row => UPDATES[row.pending?.state] ?? (row.request ? "request open" : "none");
const REQUEST = word("request", "Update", row => row.pending || row.request ? update(row) : undefined, "none");
const MODEL = word("model", "Model", row => row.model?.name, "none in git");
const AGE = column("age", "Model's age", row => days(row.model?.trained), {form: value => `${value} d`, none: "not known"});
const RUN = word("ran", "Last run", row => row.last_run, "not known");
const scale = (group, name) => column(`${group} ${name}`, name, row => row[group]?.[name]);
const names = group => [...new Set(rows.flatMap(row => Object.keys(row[group] ?? {})))];
const told = (id, title, shown) =>
  column(id, title, row => row.telemetry?.[id], {...reported, form: shown});
const VIEWS = {
  Overview: [word("kind", "Kind", row => row.kind && (KINDS[row.kind] ?? row.kind), "not read"), VERSION, BEHIND,
    word("verdict", "Verdict", verdict), ERRORS, column("warnings", "Warnings", row => row.warnings),
    column("lowest", "Maturity", row => row.lowest), AGE, REQUEST],
  Template: [VERSION, BEHIND,
    column("drift", "Files that differ", row => row.drift?.length, {none: problems}),
    column("expired", "Expired pins", row => row.state === "failed" ? undefined : row.expired?.length ?? 0,
      {none: "not read", tone: value => value ? "warning" : ""}),
    column("placeholders", "Open questions", row => row.placeholders, {none: "not read"}),
    word("level", "Level", row => row.level, problems), word("wave", "Wave", row => row.wave, "none"), REQUEST],
  Maturity: [column("lowest", "Lowest", row => row.lowest),
    ...names("maturity").map(name => scale("maturity", name)),
    ...names("score").map(name => ({...scale("score", name), title: `Score: ${name}`}))],
  Models: [MODEL, word("model version", "Version", row => row.model?.version, "not known"),
    word("alias", "Alias", row => row.model?.alias, "none"),
    word("passed", "Gate", row => row.model?.passed === undefined ? undefined : row.model.passed ? "passed" : "failed",
      "not judged"),
    word("figures", "Figures", figures, "none in git"), AGE, RUN],
  "Health and cost": [told("availability", "Availability", percent(2)), told("error_rate", "Error rate", percent(2)),
    told("p95_ms", "95% within", value => `${number(0)(value)} ms`),
    told("predictions_a_day", "Predictions a day", number(0)),
    column("telemetry drift", "Drift", row => row.telemetry?.drift, {...reported, figure: false}),
    told("quota_used", "Quota used", percent(0)),
    column("cost", "Cost this month", row => row.telemetry?.cost_this_month,
      {...reported, form: (value, row) => `${row.telemetry.currency ?? ""} ${number(0)(value)}`}),
    column("measured", "Measured by", row => row.telemetry?.source, {...reported, figure: false}),
    column("reported", "Measured on", row => row.telemetry?.time?.slice(0, 10), {...reported, figure: false})],
  Delivery: [column("lead", "Lead time", row => row.delivery?.lead_time_hours, {...reported, form: value => `${number(1)(value)} h`}),
    column("promotions", "Promotions in 30 days", row => row.delivery?.promotions, reported),
    column("rolled", "Rolled back", row => row.delivery?.rolled_back, {...reported, form: percent(0)}),
    RUN, word("released", "Last release", row => row.last_release && `${row.last_release} ${row.release}`, "not known"),
    word("committed", "Last commit", row => row.committed, "not read")],
};
const NAME = word("name", "Repository", row => row.name);
const COLUMNS = new Map([NAME, TEAM, ...Object.values(VIEWS).flat()].map(each => [each.id, each]));
const GROUPS = {none: "nothing", team: "team", organization: "organization", owner: "owner", kind: "kind", verdict: "verdict", version: "version"};

// ---- The index of the search, and the order of each column, worked out once.
const index = rows.map(row => [row.name, row.group, row.source, row.web, row.reason, row.kind, row.template_version,
  row.model?.name, row.model?.alias, row.wave, verdict(row), update(row), ...(row.owners ?? []), ...(row.checks ?? [])]
  .join(" ").toLowerCase());
const orders = new Map();
const collator = new Intl.Collator("en", {numeric: true});
const order = (id, down) => {
  const name = `${id} ${down}`, sign = down ? -1 : 1;
  if (!orders.has(name)) {
    const values = rows.map(COLUMNS.get(id).value);
    const all = [...rows.keys()];
    const known = all.filter(at => values[at] !== undefined && values[at] !== "");
    const unknown = all.filter(at => values[at] === undefined || values[at] === "");
    const tie = id === "errors" ? at => rows[at].warnings ?? 0 : () => 0;
    const compare = known.every(at => typeof values[at] === "number")
      ? (a, b) => sign * (values[a] - values[b] || tie(a) - tie(b)) || a - b
      : (a, b) => sign * collator.compare(values[a], values[b]) || a - b;
    orders.set(name, [...known.sort(compare), ...unknown]);
  }
  return orders.get(name);
};

// ---- What is chosen, and which rows it leaves.
const state = {view: "Overview", sort: "errors", down: true, page: 0, open: new Set()};
const FIELDS = {
  team: row => row.group ?? "", kind: row => row.kind ?? "not read", verdict, version: versionState, update,
};
const chosen = () => {
  const words = form.elements.words.value.toLowerCase().split(/\s+/).filter(Boolean);
  const tests = Object.entries(FIELDS).map(([name, value]) => [value, form.elements[name].value])
    .filter(([, wanted]) => wanted !== "*");
  const check = form.elements.check.value;
  const fits = at => words.every(each => index[at].includes(each)) &&
    tests.every(([value, wanted]) => value(rows[at]) === wanted) &&
    (check === "*" || (rows[at].checks ?? []).includes(check));
  return order(state.sort, state.down).filter(fits);
};
// Where it is hosted, and the first name after the host: an organization, a user, or a group.
const organization = row => row.web?.match(/^https?:\/\/([^/]+\/[^/]+)/)?.[1] ?? "no address";
const groupsOf = {
  team: row => [row.group || "no team"], organization: row => [organization(row)], owner: row => row.owners ?? ["no owner"],
  kind: row => [KINDS[row.kind] ?? row.kind ?? "not read"], verdict: row => [verdict(row)],
  version: row => [row.template_version ?? problems(row)],
};
const items = found => {
  const by = groupsOf[form.elements.group.value];
  if (!by) return found;
  const groups = new Map();
  for (const at of found) for (const name of by(rows[at])) {
    groups.has(name) ? groups.get(name).push(at) : groups.set(name, [at]);
  }
  return [...groups].sort((a, b) => b[1].length - a[1].length || collator.compare(a[0], b[0]))
    .flatMap(([name, many]) => [{name, many}, ...(state.open.has(name) ? many : [])]);
};

// ---- Elements. Texts are only ever set as text.
const make = (tag, given = {}, ...inner) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...inner);
  return element;
};
const web = (address, ...inner) => make("a", {href: address, rel: "noopener noreferrer", target: "_blank"}, ...inner);
const cell = (row, each) => {
  const value = each.value(row);
  const known = value !== undefined && value !== "";
  const none = typeof each.none === "function" ? each.none(row) : each.none;
  const tone = known ? each.tone?.(value) ?? "" : "soft";
  const element = make("td", {role: "cell", class: `${each.figure ? "figure " : ""}${tone}`, "data-label": each.title});
  if (each.id === "request" && row.request && !row.pending) element.append(web(row.request, value));
  else element.append(make("span", {}, known ? each.shown(value, row) : none));
  return element;
};
const line = at => {
  const row = rows[at];
  const button = make("button", {type: "button", class: "link", "aria-haspopup": "dialog"}, row.name);
  button.addEventListener("click", () => detail(at));
  return make("tr", {role: "row"}, make("td", {role: "cell", class: "name"}, button), cell(row, TEAM),
    ...VIEWS[state.view].map(each => cell(row, each)));
};
const groupLine = ({name, many}) => {
  const open = state.open.has(name);
  const errors = many.reduce((sum, at) => sum + (rows[at].errors ?? 0), 0);
  const judged = many.filter(at => rows[at].current !== undefined);
  const current = judged.filter(at => rows[at].current).length / judged.length;
  const share = judged.length ? `, ${percent(0)(current)} at the current version` : "";
  const button = make("button", {type: "button", class: "link", "aria-expanded": String(open)}, name);
  button.addEventListener("click", () => {
    open ? state.open.delete(name) : state.open.add(name);
    show();
    [...table.querySelectorAll("tr.group button")].find(each => each.textContent === name)?.focus();
  });
  return make("tr", {role: "row", class: "group"}, make("td", {role: "cell", colspan: VIEWS[state.view].length + 2},
    open ? "▾ " : "▸ ", button, ` ${several(many.length, "repository", "repositories")}, ${several(errors, "error", "errors")}${share}`));
};
const head = () => {
  const made = [NAME, TEAM, ...VIEWS[state.view]].map(each => {
    const sorted = each.id === state.sort;
    const button = make("button", {type: "button"}, each.title, sorted ? state.down ? " ▼" : " ▲" : "");
    button.addEventListener("click", () => {
      state.down = sorted ? !state.down : each.figure;
      state.sort = each.id;
      show(true);
      find("th[aria-sort] button", table)?.focus();
    });
    return make("th", {role: "columnheader", scope: "col", class: each.figure ? "figure" : "",
      "aria-sort": sorted && (state.down ? "descending" : "ascending")}, button);
  });
  find("thead", table).replaceChildren(make("tr", {role: "row"}, ...made));
};
const show = (first = false) => {
  const found = chosen(), listed = items(found);
  const pages = Math.max(1, Math.ceil(listed.length / PAGE));
  state.page = first ? 0 : Math.min(state.page, pages - 1);
  const part = listed.slice(state.page * PAGE, (state.page + 1) * PAGE);
  head();
  find("tbody", table).replaceChildren(...part.map(each => typeof each === "number" ? line(each) : groupLine(each)));
  find("output").textContent = `${number(0)(found.length)} of ${number(0)(rows.length)} repositories`;
  find(".pager span").textContent = `Page ${number(0)(state.page + 1)} of ${number(0)(pages)}`;
  for (const button of document.querySelectorAll(".pager button")) {
    const next = state.page + Number(button.dataset.step);
    button.disabled = next < 0 || next >= pages;
  }
  form.elements.sort.value = state.sort;
  form.elements.down.checked = state.down;
};

// ---- One repository, with its findings.
let findings;
const place = (row, path, at) => row.web && row.view && row.web + row.view
  .replace("{commit}", () => encodeURIComponent(row.commit))
  .replace("{path}", () => path.split("/").map(encodeURIComponent).join("/"))
  .replaceAll("{line}", at).replace("{next}", at + 1);
const list = (title, texts) => texts?.length
  ? [make("h3", {}, title), make("ul", {}, ...texts.map(text => make("li", {}, text)))] : [];
const facts = pairs => make("dl", {}, ...pairs.filter(([, value]) => value !== undefined && value !== "")
  .flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
const part = (title, row, columns) => [make("h3", {}, title), facts(columns.map(each => {
  const value = each.value(row);
  const none = typeof each.none === "function" ? each.none(row) : each.none;
  return [each.title, value === undefined || value === "" ? none : each.shown(value, row)];
}))];
const finding = row => ([check, severity, path, at, message]) => {
  const text = `${findings.texts[path]}:${at}`, link = place(row, findings.texts[path], at);
  return make("li", {}, make("span", {class: `tag ${severity}`}, severity), " ", make("strong", {}, check), " ",
    make("code", {}, link ? web(link, text) : text), make("br"), findings.texts[message]);
};
const conflict = each => make("li", {}, make("code", {}, each.path), `: ${each.why}`,
  ...(each.last ? [make("br"), `Last edited by ${each.last}`] : []),
  ...[["The team's side", each.ours], ["The template's side", each.theirs]].map(([whose, lines]) => [whose, lines.join("\n")]).filter(([, text]) => text)
    .map(([whose, text]) => make("details", {}, make("summary", {}, whose), make("pre", {}, text))));
const undone = row => row.pending ? [make("h3", {}, `Update to ${row.pending.to}: ${update(row)}`),
  facts([["Why", row.pending.reason], ["Branch", row.pending.state === "pushed" && row.pending.branch || ""]]),
  make("ul", {}, ...(row.pending.conflicts ?? []).map(conflict))] : [];
const detail = at => {
  const row = rows[at];
  findings ??= JSON.parse(find("#findings").textContent);
  const found = findings.rows[at];
  const count = ["errors", "warnings", "notes"].reduce((sum, name) => sum + (row[name] ?? 0), 0);
  find("#detail-name").textContent = row.name;
  const top = [["Verdict", verdict(row)], ["Why it was not read", row.reason], ["Team", row.group ?? "no team"],
    ["Owners", row.owners?.join(", ") ?? "no owner"], ["Address", row.web ? web(row.web, row.web) : row.source],
    ["Commit", row.commit && `${row.commit.slice(0, 12)} of ${row.committed ?? "an unknown day"}`],
    ["Update request", row.request && web(row.request, row.request)]];
  const content = [facts(top), ...undone(row)];
  if (row.state !== "failed") {
    content.push(make("h3", {}, found.length ? `Findings: ${found.length}` : "No finding"),
      make("ul", {}, ...found.map(finding(row))));
    if (count > found.length) content.push(make("p", {class: "soft"}, `${count - found.length} more are not in the snapshot.`));
    for (const name of Object.keys(VIEWS).slice(1)) content.push(...part(name, row, VIEWS[name]));
    content.push(...list("Files that differ from the template", row.drift), ...list("Expired pins", row.expired),
      ...list("Exceptions from the policy", row.excepted));
  }
  find("#detail > div").replaceChildren(...content);
  dialog.showModal();
  dialog.scrollTop = 0;
};

// ---- The controls.
const options = (name, values) => form.elements[name].append(
  ...values.map(([value, text]) => make("option", {value}, text || "no team")));
const counted = value => {
  const counts = new Map();
  for (const row of rows) for (const each of [value(row)].flat()) counts.set(each, (counts.get(each) ?? 0) + 1);
  return [...counts].sort((a, b) => collator.compare(a[0], b[0]));
};
for (const [name, value] of Object.entries(FIELDS)) {
  options(name, counted(value).map(([each, many]) => [each, `${name === "kind" ? KINDS[each] ?? each : each || "no team"} (${many})`]));
}
options("check", counted(row => row.checks ?? []).map(([id, many]) => [id, `${id} ${data.checks[id] ?? ""} (${many})`]));
options("group", Object.entries(GROUPS));
options("sort", [...COLUMNS.values()].map(each => [each.id, each.title]));
for (const name of Object.keys(VIEWS)) {
  const input = make("input", {type: "radio", name: "view", value: name});
  input.checked = name === state.view;
  input.addEventListener("change", () => { state.view = name; show(); });
  find(".views").append(make("label", {}, input, name));
}
form.addEventListener("input", event => {
  if (event.target.name === "sort") {
    state.sort = event.target.value;
    state.down = COLUMNS.get(state.sort).figure;
  }
  if (event.target.name === "down") state.down = event.target.checked;
  show(true);
});
form.addEventListener("submit", event => event.preventDefault());
form.addEventListener("reset", () => setTimeout(() => {
  Object.assign(state, {sort: "errors", down: true, open: new Set()});
  show(true);
}));
for (const button of document.querySelectorAll(".pager button")) {
  button.addEventListener("click", () => {
    state.page += Number(button.dataset.step);
    show();
    table.scrollIntoView({block: "start"});
  });
}
for (const link of document.querySelectorAll("[data-filter]")) {
  link.addEventListener("click", () => {
    form.reset();
    setTimeout(() => { form.elements[link.dataset.filter].value = link.dataset.value; show(true); });
  });
}
dialog.addEventListener("click", event => { if (event.target === dialog) dialog.close(); });
find("#explorer").hidden = false;
show(true);
