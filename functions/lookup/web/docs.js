// Text is shown with textContent only, so it is never parsed as HTML.
function make(tag, ...content) {
  const element = document.createElement(tag);
  for (const part of content.flat()) {
    element.append(part instanceof Node ? part : document.createTextNode(String(part)));
  }
  return element;
}

function link(target, text) {
  const element = make("a", text);
  element.setAttribute("href", target);
  return element;
}

const idOf = (title) => "part-" + title.replace(/\W+/g, "-");

function heading(title) {
  const element = make("h2", title);
  element.id = idOf(title);
  return element;
}

function table(titles, rows) {
  const head = make(
    "tr",
    titles.map((title) => make("th", title)),
  );
  return make(
    "table",
    make("thead", head),
    make(
      "tbody",
      rows.map((cells) =>
        make(
          "tr",
          cells.map((cell) => make("td", cell)),
        ),
      ),
    ),
  );
}

function pretty(value) {
  return make("pre", typeof value === "string" ? value : JSON.stringify(value, null, 2));
}

const nameOf = (ref) => ref.slice(ref.lastIndexOf("/") + 1);

function separated(parts) {
  return parts.flatMap((part, at) => (at ? [" or ", part] : [part]));
}

// One line about the values that a schema allows; a model is a link to its table.
function kind(schema) {
  if (schema.$ref) return [link("#schema-" + nameOf(schema.$ref), nameOf(schema.$ref))];
  if (schema.anyOf) return separated(schema.anyOf.map((one) => make("span", kind(one))));
  if ("const" in schema) return [make("code", JSON.stringify(schema.const))];
  if (schema.enum) return separated(schema.enum.map((one) => make("code", JSON.stringify(one))));
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
    make("details", make("summary", "Example: " + name), pretty(example.value)),
  );
}

function contentOf(media) {
  return Object.entries(media || {}).map(([type, content]) =>
    make("div", make("p", make("code", type), " ", kind(content.schema || {})), examplesOf(content)),
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
    make("code", name),
    (header.$ref ? api.components.headers[nameOf(header.$ref)] : header).description,
  ]);
  return make(
    "details",
    make("summary", make("span", status), " ", response.description),
    headers.length ? table(["Header", ""], headers) : [],
    contentOf(response.content),
  );
}

function operationOf(api, base, path, method, shared, operation) {
  const parameters = [...shared, ...(operation.parameters || [])];
  const open = operation.security !== undefined && operation.security.length === 0;
  const verb = make("span", method);
  verb.className = "method";
  const section = make(
    "details",
    make("summary", verb, " ", make("code", path), " ", operation.summary || ""),
    make("p", operation.description || "", open ? " Needs no key." : ""),
    pretty(commandLine(api, base, path, method, parameters, operation, open)),
  );
  if (parameters.length) {
    section.append(
      make("h4", "Parameters"),
      table(
        ["Name", "In", "Type", ""],
        parameters.map((one) => [
          make("code", one.name),
          one.in,
          kind(one.schema),
          described({ ...one.schema, ...one }),
        ]),
      ),
    );
  }
  if (operation.requestBody) {
    section.append(make("h4", "Body"), ...contentOf(operation.requestBody.content));
  }
  section.append(
    make("h4", "Answers"),
    ...Object.entries(operation.responses).map(([status, response]) => responseOf(api, status, response)),
  );
  section.id = operation.operationId;
  return section;
}

function modelOf(name, schema) {
  const required = new Set(schema.required || []);
  const rows = Object.entries(schema.properties || {}).map(([field, property]) => [
    make("code", field),
    kind(property),
    required.has(field) ? "" : "optional",
    described(property),
  ]);
  const section = make(
    "section",
    make("h3", name),
    make("p", schema.description || ""),
    schema.items ? make("p", kind(schema)) : [],
    rows.length ? table(["Field", "Type", "", ""], rows) : [],
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
  const titles = [...byTag.keys(), "Models"];
  document.getElementById("main").replaceChildren(
    make("h1", api.info.title, " ", make("small", api.info.version)),
    make("p", api.info.description || ""),
    make("p", "Machine-readable: ", link(base + "/openapi.json", "openapi.json")),
    make(
      "nav",
      link(base + "/", "Look up in a browser"),
      titles.map((title) => link("#" + idOf(title), title)),
    ),
    ...[...byTag].flatMap(([tag, operations]) => [heading(tag), ...operations]),
    heading("Models"),
    ...Object.entries(api.components.schemas).map(([name, schema]) => modelOf(name, schema)),
  );
}

// The theme that was chosen on the page for people.
document.documentElement.dataset.theme = localStorage.getItem("theme") || "";
// The API begins at the path before /docs, with or without a slash at the end: a stage, or nothing.
const base = location.origin + location.pathname.replace(/\/+docs\/*$/, "");
fetch(base + "/openapi.json")
  .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error("status " + answer.status))))
  .then((api) => show(api, base))
  .catch((error) =>
    document
      .getElementById("main")
      .replaceChildren(make("p", "The description of the API cannot be shown: " + error.message)),
  );
