"use strict";
// Text is shown with textContent only, so it is never parsed as HTML.
const $ = (id) => document.getElementById(id);
// The page for people keeps the key under this name until the tab is closed.
const KEY = "apikey";
// Text of an answer that is shown; a list of all exports would take the browser seconds.
const CHARS = 20000;
// A gzipped body cannot be typed.
const NOT_TYPED = ["Content-Encoding"];

function make(tag, attributes, ...content) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== false) element.setAttribute(name, value);
  }
  for (const part of content.flat()) {
    element.append(part instanceof Node ? part : document.createTextNode(String(part)));
  }
  return element;
}

const link = (target, text) => make("a", { href: target }, text);
const idOf = (title) => "part-" + title.replace(/\W+/g, "-");

// A browser scrolls such a region with the keyboard only if it can have the focus.
function pretty(value, label) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return make("pre", { tabindex: "0", role: "group", "aria-label": label }, text);
}

function table(titles, rows) {
  const head = titles.map((title) => make("th", { scope: "col" }, title));
  const body = rows.map((cells) =>
    make(
      "tr",
      {},
      cells.map((cell) => make("td", {}, cell)),
    ),
  );
  return make("table", {}, make("thead", {}, make("tr", {}, head)), make("tbody", {}, body));
}

// A description has its code between backticks.
const prose = (text) => text.split("`").map((part, at) => (at % 2 ? make("code", {}, part) : part));

const nameOf = (ref) => ref.slice(ref.lastIndexOf("/") + 1);

function separated(parts) {
  return parts.flatMap((part, at) => (at ? [" or ", part] : [part]));
}

// One line about the values that a schema allows; a model is a link to its table.
function kind(schema) {
  if (schema.$ref) return [link("#schema-" + nameOf(schema.$ref), nameOf(schema.$ref))];
  if (schema.anyOf) return separated(schema.anyOf.map((one) => make("span", {}, kind(one))));
  if ("const" in schema) return [make("code", {}, JSON.stringify(schema.const))];
  if (schema.enum) return separated(schema.enum.map((one) => make("code", {}, JSON.stringify(one))));
  if (schema.type === "array") return ["list of ", ...(schema.items ? kind(schema.items) : [])];
  return [schema.type || "anything"];
}

function bounds(schema) {
  const names = ["minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum", "pattern"];
  return names
    .filter((name) => name in schema)
    .map((name) => name + " " + schema[name])
    .join(", ");
}

function described(schema) {
  return [schema.description || "", bounds(schema)].filter(Boolean).join(" ");
}

function examplesOf(content) {
  return Object.entries(content.examples || {}).map(([name, example]) =>
    make("details", {}, make("summary", {}, "Example: " + name), pretty(example.value, "Example: " + name)),
  );
}

function contentOf(media) {
  return Object.entries(media || {}).map(([type, content]) =>
    make("div", {}, make("p", {}, make("code", {}, type), " ", kind(content.schema || {})), examplesOf(content)),
  );
}

function firstExample(holder) {
  const [example] = Object.values(holder.examples || {});
  return example === undefined ? "" : example.value;
}

function quoted(text) {
  return "'" + text.replaceAll("'", "'\\''") + "'";
}

function exampleOf(api, schema) {
  if (schema.$ref) return exampleOf(api, api.components.schemas[nameOf(schema.$ref)]);
  if (schema.examples || schema.enum) return (schema.examples || schema.enum)[0];
  if (schema.properties)
    return Object.fromEntries(Object.entries(schema.properties).map(([name, one]) => [name, exampleOf(api, one)]));
  return schema.items ? [exampleOf(api, schema.items)] : [];
}

function commandLine(api, base, path, method, parameters, operation, open) {
  let address = path;
  for (const parameter of parameters.filter((one) => one.in === "path")) {
    address = address.replace("{" + parameter.name + "}", encodeURIComponent(firstExample(parameter)));
  }
  for (const parameter of parameters.filter((one) => one.in === "query" && (one.required || one.examples))) {
    address += "?" + parameter.name + "=" + encodeURIComponent(firstExample(parameter));
  }
  const words = ["curl", "-s"];
  if (method !== "GET") words.push("-X", method);
  if (!open) words.push("-H", quoted("apikey: YOUR_KEY"));
  const body = operation.requestBody?.content["application/json"];
  if (body) {
    words.push(
      "-H",
      quoted("content-type: application/json"),
      "-d",
      quoted(JSON.stringify(exampleOf(api, body.schema))),
    );
  }
  return [...words, quoted(base + address)].join(" ");
}

function responseOf(api, status, given) {
  const response = given.$ref ? api.components.responses[nameOf(given.$ref)] : given;
  const headers = Object.entries(response.headers || {}).map(([name, header]) => [
    make("code", {}, name),
    (header.$ref ? api.components.headers[nameOf(header.$ref)] : header).description,
  ]);
  return make(
    "details",
    {},
    make("summary", {}, make("span", {}, status), " ", response.description),
    headers.length ? table(["Header", "Meaning"], headers) : [],
    contentOf(response.content),
  );
}

function operationOf(api, base, path, method, shared, operation) {
  const parameters = [...shared, ...(operation.parameters || [])];
  const open = operation.security !== undefined && operation.security.length === 0;
  const section = make(
    "details",
    {},
    make(
      "summary",
      {},
      make("span", { class: "method" }, method),
      " ",
      make("code", {}, path),
      " ",
      operation.summary || "",
    ),
    make("p", {}, prose(operation.description || ""), open ? " Needs no key." : ""),
    pretty(commandLine(api, base, path, method, parameters, operation, open), "Command"),
    tryOut(api, path, method, parameters, operation, open),
  );
  if (parameters.length) {
    section.append(
      make("h3", {}, "Parameters"),
      table(
        ["Name", "In", "Type", "Meaning"],
        parameters.map((one) => [
          make("code", {}, one.name),
          one.in,
          kind(one.schema),
          prose(described({ ...one.schema, ...one })),
        ]),
      ),
    );
  }
  if (operation.requestBody) {
    section.append(make("h3", {}, "Body"), ...contentOf(operation.requestBody.content));
  }
  section.append(
    make("h3", {}, "Answers"),
    ...Object.entries(operation.responses).map(([status, response]) => responseOf(api, status, response)),
  );
  section.id = operation.operationId;
  return section;
}

function modelOf(name, schema) {
  const required = new Set(schema.required || []);
  const rows = Object.entries(schema.properties || {}).map(([field, property]) => [
    make("code", {}, field),
    kind(property),
    required.has(field) ? "always" : "optional",
    prose(described(property)),
  ]);
  const section = make(
    "section",
    {},
    make("h3", {}, name),
    make("p", {}, prose(schema.description || "")),
    schema.items ? make("p", {}, kind(schema)) : [],
    rows.length ? table(["Field", "Type", "Presence", "Meaning"], rows) : [],
  );
  section.id = "schema-" + name;
  return section;
}

function show(api, base) {
  document.title = api.info.title;
  const byTag = new Map();
  for (const [path, item] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      if (method === "parameters") continue;
      const tag = (operation.tags || ["Other"])[0];
      if (!byTag.has(tag)) byTag.set(tag, []);
      byTag.get(tag).push(operationOf(api, base, path, method.toUpperCase(), item.parameters || [], operation));
    }
  }
  const models = Object.entries(api.components.schemas).map(([name, schema]) => modelOf(name, schema));
  const parts = [...byTag, ["Models", models]];
  $("title").replaceChildren(api.info.title, " ", make("small", {}, api.info.version));
  $("api").replaceChildren(
    make("p", {}, prose(api.info.description || "")),
    make("p", {}, "Machine-readable: ", link(base + "/openapi.json", "openapi.json"), ". ", keyNote()),
    make(
      "nav",
      { class: "contents", "aria-label": "Contents" },
      parts.map(([title]) => link("#" + idOf(title), title)),
    ),
    ...parts.map(([title, found]) => make("section", { class: "part" }, make("h2", { id: idOf(title) }, title), found)),
  );
  openLinked();
}

const keyNote = () =>
  sessionStorage.getItem(KEY)
    ? "The forms use the key that is set in this tab."
    : make("span", {}, "To try an operation, ", link(base + "/#search", "set a key"), " first.");

// The link of an operation, or of a model, leads to it also while its part is closed.
function openLinked() {
  const target = location.hash && $(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target.tagName === "DETAILS") target.open = true;
  target.scrollIntoView();
}

// ---- Search ----

// Shows the operations and models that contain each word.
function find() {
  const words = $("find").value.toLowerCase().split(/\s+/).filter(Boolean);
  let left = 0;
  for (const part of document.querySelectorAll(".part")) {
    const found = [...part.children].slice(1).filter((one) => {
      const text = textOf(one);
      one.hidden = !words.every((word) => text.includes(word));
      return !one.hidden;
    });
    part.hidden = !found.length;
    left += found.length;
  }
  $("found").textContent = words.length ? left + " found" : "";
}

// What a search looks into: name, summary and description, and the names of parameters and fields.
const texts = new Map();
function textOf(element) {
  if (!texts.has(element)) {
    const named = element.querySelectorAll("summary:first-child, h3, summary + p, h3 + p, td:first-child > code");
    texts.set(element, [...named].map((one) => one.textContent.toLowerCase()).join(" "));
  }
  return texts.get(element);
}

// ---- Trying an operation ----

function tryOut(api, path, method, parameters, operation, open) {
  const inputs = parameters
    .filter((one) => !NOT_TYPED.includes(one.name))
    .map((one) => {
      const required = one.in === "path" || one.required;
      const input = make("input", {
        value: one.in === "header" ? "" : firstExample(one),
        ...(required && { required: "" }),
      });
      return { one, input };
    });
  const [type] = Object.keys(operation.requestBody?.content || {});
  const body = type && make("textarea", { spellcheck: "false", "aria-label": "Body" });
  if (body) body.value = JSON.stringify(exampleOf(api, operation.requestBody.content[type].schema), null, 1);
  const said = make("span", { role: "status" });
  const answer = make("div", {});
  const submit = async (event) => {
    event.preventDefault();
    const headers = body ? { "content-type": type } : {};
    const key = sessionStorage.getItem(KEY);
    if (!open && !key) return said.replaceChildren(keyNote());
    if (!open) headers.apikey = key;
    let address = path;
    const query = new URLSearchParams();
    for (const { one, input } of inputs.filter((each) => each.input.value)) {
      if (one.in === "path") address = address.replace("{" + one.name + "}", encodeURIComponent(input.value));
      else if (one.in === "query") query.append(one.name, input.value);
      else headers[one.name] = input.value;
    }
    said.textContent = "Sending \u2026";
    answer.replaceChildren();
    try {
      const started = performance.now();
      const given = await fetch(base + address + (query.size ? "?" + query : ""), {
        ...{ method, headers, body: body?.value, cache: "no-store", credentials: "omit", redirect: "manual" },
      });
      // Where an export lies may be another host, which this page must not contact.
      const text = given.type === "opaqueredirect" ? "" : await given.text();
      const status = text || given.status ? "Status " + given.status : "A redirect, which this page does not follow";
      said.textContent = status + ", " + Math.round(performance.now() - started) + " ms";
      if (text) answer.replaceChildren(pretty(readable(text), "Answer"));
    } catch (error) {
      said.textContent = "The service does not answer: " + error.message;
    }
  };
  return make(
    "form",
    { submit },
    make(
      "div",
      { class: "bar" },
      inputs.map(({ one, input }) => make("label", {}, one.name + " ", input)),
    ),
    body || "",
    make("div", { class: "bar" }, make("button", {}, "Try it"), said),
    answer,
  );
}

function readable(text) {
  let shown = text;
  try {
    shown = JSON.stringify(JSON.parse(text), null, 2);
  } catch (_error) {
    // It is no JSON, and is shown as it came.
  }
  return shown.length > CHARS
    ? shown.slice(0, CHARS) + "\n\u2026 " + (shown.length - CHARS) + " characters more"
    : shown;
}

// ---- Events ----

// The theme is shared with the page for people.
$("theme").value = localStorage.getItem("theme") || "";
const theme = () => {
  document.documentElement.dataset.theme = $("theme").value;
};
$("theme").addEventListener("change", () => {
  localStorage.setItem("theme", $("theme").value);
  theme();
});
theme();

$("find").addEventListener("input", find);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.matches("input, textarea, select")) {
    event.preventDefault();
    $("find").focus();
  }
});
addEventListener("hashchange", openLinked);

// The API begins at the path before /docs, with or without a slash at the end: a stage, or nothing.
const base = location.origin + location.pathname.replace(/\/+docs\/*$/, "");
$("to-search").href = base + "/#search";
$("to-status").href = base + "/#status";
fetch(base + "/openapi.json")
  .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error("status " + answer.status))))
  .then((api) => show(api, base))
  .catch((error) =>
    $("api").replaceChildren(make("p", {}, "The description of the API cannot be shown: " + error.message)),
  );
