"use strict";
// Input and answers are shown with textContent only, so they are never parsed as HTML.
const $ = (id) => document.getElementById(id);
const VERDICTS = {
  MALICIOUS: ["\u2716", "Malicious"],
  LIKELY_MALICIOUS: ["\u25b2", "Likely malicious"],
  SUSPICIOUS: ["!", "Suspicious"],
  NO_THREAT: ["\u25cb", "No threat"],
  BENIGN: ["\u2714", "Benign"],
  UNKNOWN: ["?", "Unknown"],
};
const RANKS = Object.keys(VERDICTS);
const TYPES = JSON.parse(decodeURIComponent($("types").content));
const isHash = (kind) => TYPES[kind].route === "hash";
const KINDS = Object.keys(TYPES)
  .filter((kind) => TYPES[kind].on)
  .sort((one, other) => isHash(one) - isHash(other));
const LINES = 200;
const CHARS = 500000;
const ROWS = 500;
const SCANS = 3;
const PAGES = 5;
const NEWEST = 20;
// As many as the service lists at once.
const REPORTS = 100;
const LINK_CHARS = 2000;
const KEY = "apikey";
// Indicators of the sample feed; a test compares them with it.
const EXAMPLE =
  "From updates[.]example[.]com, with a link to hxxp://evil[.]example/\nIt contacted login[.]evil[.]example and 203[.]0[.]113[.]7\nAttachment 45f20e63f4726755015fdd5595bd46cce511a5a952e1b2c1f3cf558fad18958e";
// The API begins at the path of this page, with or without a slash at the end: a stage, or nothing.
const base = location.origin + location.pathname.replace(/\/+$/, "");
const sandbox = document.documentElement.dataset.sandbox;

function make(tag, attributes, ...content) {
  const element =
    tag in SVG_TAGS ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== false) element.setAttribute(name, value);
  }
  for (const part of content.flat()) {
    element.append(part instanceof Node ? part : document.createTextNode(String(part)));
  }
  return element;
}
const SVG_TAGS = { svg: 1, rect: 1, circle: 1, line: 1, text: 1, title: 1 };

function badge(verdict) {
  const known = verdict in VERDICTS ? verdict : "UNKNOWN";
  const [sign, word] = VERDICTS[known];
  return make("span", { class: "verdict " + known }, make("span", { "aria-hidden": "true" }, sign + "\u00a0"), word);
}

function moment(text) {
  return text ? make("time", { datetime: text }, text.slice(0, 10) + " " + text.slice(11, 16)) : "";
}

function table(titles, rows, caption) {
  return make(
    "div",
    { class: "scroll", role: "region", "aria-label": caption, tabindex: "0" },
    make(
      "table",
      {},
      make("caption", {}, caption),
      make(
        "thead",
        {},
        make(
          "tr",
          {},
          titles.map((title) => make("th", { scope: "col" }, title)),
        ),
      ),
      make(
        "tbody",
        {},
        rows.map((cells) =>
          make(
            "tr",
            {},
            cells.map((cell) => make("td", {}, cell)),
          ),
        ),
      ),
    ),
  );
}

function scanLink(flow, report, text, label) {
  if (!sandbox || !flow) return text;
  const target =
    sandbox +
    "/uploads/" +
    encodeURIComponent(flow) +
    (report ? "/reports/" + encodeURIComponent(report) + "/overview" : "");
  return make("a", { href: target, target: "_blank", rel: "noopener noreferrer", "aria-label": label || false }, text);
}

// ---- Requests ----

class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

async function ask(path, options) {
  const key = sessionStorage.getItem(KEY);
  if (!key) {
    $("key").focus();
    throw new ApiError(401, 0, "Enter an API key first.");
  }
  const given = { ...options, headers: { ...options?.headers, apikey: key } };
  let answer;
  let body;
  try {
    answer = await fetch(base + path, { ...given, cache: "no-store", credentials: "omit", redirect: "error" });
    body = await answer.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(
      answer ? answer.status : 0,
      0,
      answer ? "The answer of the service is not JSON." : "The service does not answer.",
    );
  }
  if (answer.ok) return body;
  const details = body.error || {};
  const wait = answer.headers.get("retry-after");
  const message =
    ((details.messages || [])[0] || "status " + answer.status) + (wait ? " Try again in " + wait + " seconds." : "");
  if (answer.status === 401) showKey("This key is not known.");
  throw new ApiError(answer.status, details.code, message);
}

// Any other error than these means that an answer could not be read.
const messageOf = (error) =>
  error instanceof ApiError ? error.message : "The answer of the service has an unexpected form.";
const isUnknown = (error) => error instanceof ApiError && error.status === 404 && error.code !== 404000;
const noIndex = (error) => error instanceof ApiError && error.code === 404000;
const NO_INDEX = "This service keeps no search index, so sightings are not available.";

function setStatus(element, text, failed) {
  element.className = failed ? "failed" : "";
  element.textContent = text;
}

// ---- The key ----

function showKey(message) {
  const has = Boolean(sessionStorage.getItem(KEY));
  $("key").hidden = $("use").hidden = has && !message;
  $("forget").hidden = !has;
  $("key").value = "";
  $("key-said").textContent =
    message ||
    (has
      ? "is set. Only this tab keeps it."
      : "This tab keeps it until you close it and sends it only to this service.");
}

$("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const key = $("key").value.trim();
  // An HTTP header cannot hold other characters.
  if (!/^[\x21-\x7e]+$/.test(key)) return showKey("An API key has only printable ASCII characters without spaces.");
  sessionStorage.setItem(KEY, key);
  showKey();
  if (!$("search-view").hidden) $("text").focus();
  view();
  tryKey(key);
});
// What the service knows of the key that is set. Each key is asked for once, and again after a failure.
let known = { key: "", info: null };
function keyInfo() {
  const key = sessionStorage.getItem(KEY);
  if (known.key !== key) {
    const info = ask("/v4/apikey");
    known = { key, info };
    info.catch(() => {
      if (known.info === info) known = { key: "", info: null };
    });
  }
  return known.info;
}

// A key of which nothing could be read is shown the form; the service refuses what it may not do.
const mayMark = () =>
  keyInfo().then(
    ({ rights }) => rights.includes("annotate"),
    () => true,
  );

async function tryKey(key) {
  try {
    const { nickname } = await keyInfo();
    if (key === sessionStorage.getItem(KEY)) $("key-said").textContent = nickname + " is set. Only this tab keeps it.";
  } catch (error) {
    if (key === sessionStorage.getItem(KEY) && error.status !== 401)
      $("key-said").textContent = "The key was not tried: " + messageOf(error);
  }
}
$("forget").addEventListener("click", () => {
  sessionStorage.removeItem(KEY);
  showKey();
  $("key").focus();
});

// ---- Searching ----

// The look-up whose rows are shown. Each keeps its own text and rows, so a late answer never joins another's rows.
let current = lookUpOf("");
let most = ROWS;
let order = { by: "verdict", down: false };

function lookUpOf(text) {
  const queue = piecesOf(text);
  return { text, queue, parts: queue.length, found: new Map(), missed: [], stop: null };
}

// Sends long texts in pieces to show progress. Text that continues on the next line is not split.
function piecesOf(text) {
  if (/quoted-printable/i.test(text)) return [text];
  const pieces = [];
  for (let at = 0; at < text.length; ) {
    let end = at;
    let lines = 0;
    const wrapped = (piece) => piece.lastIndexOf("<") > piece.lastIndexOf(">");
    do {
      const next = text.indexOf("\n", end);
      end = next < 0 ? text.length : next + 1;
      lines += 1;
    } while (
      end < text.length &&
      end - at < CHARS &&
      (lines < LINES || (lines < 2 * LINES && wrapped(text.slice(at, end))))
    );
    const piece = text.slice(at, end);
    if (piece.trim()) pieces.push(piece);
    at = end;
  }
  return pieces;
}

function startSearch() {
  const text = $("text").value;
  // A second press goes on with the look-up of the same text.
  if (current.stop && text === current.text) return;
  if (current.stop) current.stop.abort();
  // Back and reload find the text of each look-up again.
  if (history.state === null || history.state.text !== text) history.pushState({ text }, "", listAddress(text));
  current = lookUpOf(text);
  most = ROWS;
  show();
  setStatus($("said"), current.parts ? "" : "Enter a text first.", false);
  run(current);
}

// The link of a look-up. A longer text is kept in the history of this tab only.
function listAddress(text) {
  const encoded = encodeURIComponent(text.toWellFormed());
  return encoded.length > LINK_CHARS ? "#list" : "#list/" + encoded;
}

async function run(look) {
  if (look.stop || !look.queue.length) return showProgress();
  const stop = new AbortController();
  look.stop = stop;
  setStatus($("said"), "Looking up \u2026", false);
  try {
    while (look.queue.length) {
      showProgress();
      const answer = await ask("/v4/search", {
        method: "POST",
        body: look.queue[0],
        signal: stop.signal,
        headers: { "content-type": "text/plain; charset=utf-8" },
      });
      if (look !== current) return;
      addRows(look, answer);
      setStatus($("said"), summary(look), false);
      show();
    }
    // One indicator has its own page instead of a table; Back leads to what was before.
    const [only, other] = look.found.values();
    if (only && !other && !look.missed.length && !$("search-view").hidden && $("text").value === look.text)
      location.replace(iocAddress(only));
  } catch (error) {
    if (look !== current) return;
    const stopped = error.name === "AbortError";
    setStatus(
      $("said"),
      (stopped ? "Stopped. " : messageOf(error) + " ") + (look.found.size ? summary(look) : ""),
      !stopped,
    );
  } finally {
    look.stop = null;
    if (look === current) showProgress();
  }
}

function showProgress() {
  $("stop").hidden = !current.stop;
  $("go-on").hidden = Boolean(current.stop) || !current.queue.length;
  $("progress").hidden = !current.queue.length;
  $("progress").max = current.parts;
  $("progress").value = current.parts - current.queue.length;
}

// The rows stay what they are while the text is edited, marked as those of the text before.
function markChanged() {
  $("changed").hidden = !current.parts || $("text").value === current.text;
}

function summary(look) {
  const done = look.parts - look.queue.length;
  const count = look.found.size + (look.found.size === 1 ? " indicator" : " indicators");
  return done < look.parts
    ? count + " in " + done + " of " + look.parts + " parts"
    : count + (look.found.size ? "" : " found") + ".";
}

// Adds the rows of one answer: all of them, or none if the answer cannot be read.
function addRows(look, answer) {
  const rows = answer.data.map((row) => ({ ...row, ...factsOf(row) }));
  const missed = [...answer.not_understood];
  // The service counts code points, JavaScript UTF-16 code units.
  const rest = answer.rest === null ? "" : Array.from(look.queue[0]).slice(answer.rest).join("");
  if (rest.length >= look.queue[0].length) throw new TypeError("The service read nothing of the text.");
  for (const row of rows) {
    const name = row.type + " " + row.value;
    const known = look.found.get(name);
    if (known) known.count += row.count;
    else look.found.set(name, { ...row, position: look.found.size });
  }
  look.missed.push(...missed);
  if (rest) look.queue[0] = rest;
  else look.queue.shift();
}

function factsOf(row) {
  // A bulk answer holds the results themselves, the answer for one hash holds them in `scan_results`.
  const engines = (row.report.scan_results || row.report).scan_details;
  const sources = engines
    ? Object.entries(engines).map(([provider, result]) => ({ ...result, provider }))
    : row.report.lookup_results
      ? row.report.lookup_results.sources
      : [];
  const own = sources.find((source) => source.flow_id) || {};
  const verdicts = sources.map((source) => ({ ...source, result: resultOf(source) }));
  return {
    verdicts,
    first: own.first_seen || "",
    last: own.last_seen || "",
    scans: own.scan_count || 0,
    score: own.score || 0,
    until: own.valid_until || "",
    tags: own.tags || [],
    flow: own.flow_id || "",
    listedBy: verdicts.filter((one) => ![UNLISTED, FAILED].includes(one.result)).map((one) => one.provider),
  };
}

const UNLISTED = "knows nothing";
const FAILED = "did not answer";

// What the table shows for a provider: its verdict, or the status of its listing.
function resultOf(source) {
  if (source.verdict) return source.verdict;
  const status = source.status === undefined ? source.scan_result_i : source.status;
  if (status === 5) return UNLISTED;
  if (status === 3) return FAILED;
  return (
    [source.assessment, source.category, source.threat_found].filter(Boolean).join(", ") ||
    (status ? "listed" : "trustworthy")
  );
}

// ---- The table ----

// Name, title, sort key, and the class that hides the column on narrow screens.
const COLUMNS = [
  ["verdict", "Verdict", (row) => RANKS.indexOf(row.verdict)],
  ["type", "Type", (row) => row.type, "middle"],
  ["value", "Indicator", (row) => row.value],
  ["providers", "Providers", (row) => -row.listedBy.length, "wide"],
  ["first", "First seen (UTC)", (row) => row.first, "wide"],
  ["last", "Last seen (UTC)", (row) => row.last, "middle"],
  ["tags", "Tags", (row) => row.tags.join(), "wide"],
];

$("head").append(
  ...COLUMNS.map(([by, title, , wide]) =>
    make(
      "th",
      { scope: "col", id: "by-" + by, class: wide || "" },
      make(
        "button",
        {
          click: () => {
            order = { by, down: order.by === by && !order.down };
            show();
          },
        },
        title,
      ),
    ),
  ),
  make("td", {}, ""),
);
for (const kind of KINDS) $("kind").append(make("option", { value: kind }, kind));
const boxes = Object.fromEntries(
  RANKS.map((verdict) => {
    const count = make("span", {}, "");
    const box = make("input", { type: "checkbox", checked: "", change: () => show() });
    const label = make("label", {}, box, badge(verdict), count);
    $("verdicts").append(label);
    return [verdict, { box, count, label }];
  }),
);

function filteredRows() {
  const words = $("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const kind = $("kind").value;
  const [, , sortKey] = COLUMNS.find(([by]) => by === order.by);
  const sign = order.down ? -1 : 1;
  return [...current.found.values()]
    .filter((row) => {
      if (kind && row.type !== kind) return false;
      if (row.verdict in boxes && !boxes[row.verdict].box.checked) return false;
      const text = [row.value, row.text, row.type, ...row.tags, ...row.listedBy].join(" ").toLowerCase();
      return words.every((word) => text.includes(word));
    })
    .sort((one, other) => {
      const [a, b] = [sortKey(one), sortKey(other)];
      return (a < b ? -sign : a > b ? sign : 0) || one.position - other.position;
    });
}

function show() {
  const rows = filteredRows();
  const focused = document.activeElement;
  $("results").hidden = !current.found.size;
  $("first-run").hidden = Boolean(current.parts);
  markChanged();
  $("rows").replaceChildren(
    ...rows.slice(0, most).flatMap((row) => {
      row.line = row.line || lineOf(row);
      return row.open ? [row.line, row.open] : [row.line];
    }),
  );
  if ($("rows").contains(focused)) focused.focus();
  for (const [by] of COLUMNS) {
    if (by === order.by) $("by-" + by).setAttribute("aria-sort", order.down ? "descending" : "ascending");
    else $("by-" + by).removeAttribute("aria-sort");
  }
  for (const verdict of RANKS) {
    boxes[verdict].label.hidden = ![...current.found.values()].some((row) => row.verdict === verdict);
    boxes[verdict].count.textContent = [...current.found.values()].filter((row) => row.verdict === verdict).length;
  }
  $("more").hidden = rows.length <= most;
  $("shown").textContent =
    rows.length === current.found.size ? "all " + rows.length : rows.length + " of " + current.found.size;
  $("missed").hidden = !current.missed.length;
  $("missed").firstElementChild.textContent = "Not understood: " + current.missed.length;
  $("missed").lastElementChild.replaceChildren(
    ...current.missed.slice(0, ROWS).map((one) => make("li", {}, make("code", {}, one.text), " \u2014 ", one.reason)),
  );
}

function lineOf(row) {
  const written = row.text !== row.value && row.text.toUpperCase() !== row.value;
  const button = make(
    "button",
    { "aria-expanded": "false", "aria-label": "Details of " + row.value, click: () => toggle(row, button) },
    "Details",
  );
  return make(
    "tr",
    {},
    make("td", {}, badge(row.verdict)),
    make("td", { class: "middle" }, row.type),
    make(
      "td",
      {},
      iocLink(row),
      written ? make("div", { class: "quiet" }, "written ", make("code", {}, row.text)) : "",
    ),
    make("td", { class: "wide" }, row.listedBy.join(", ")),
    make("td", { class: "wide" }, moment(row.first)),
    make("td", { class: "middle" }, moment(row.last)),
    make("td", { class: "wide" }, tagsOf(row)),
    make(
      "td",
      {},
      button,
      row.flow && sandbox ? [" ", scanLink(row.flow, "", "Scan", "Scan report of " + row.value)] : "",
    ),
  );
}

// The page of an indicator has a link of its own. A fragment is never sent to a server.
const iocAddress = (one) => "#ioc/" + one.type + "/" + encodeURIComponent(one.value.toWellFormed());
const iocLink = (one) => make("a", { href: iocAddress(one) }, make("code", {}, one.value));
const tagsOf = (row) => row.tags.map((tag) => make("span", { class: "tag" }, tag));

function toggle(row, button) {
  if (row.open) row.open = null;
  else row.open = row.closed = row.closed || detailsOf(row);
  button.setAttribute("aria-expanded", String(Boolean(row.open)));
  show();
}

function detailsOf(row) {
  const why = make("div", {});
  explainInto(row, why);
  return make(
    "tr",
    { class: "more" },
    make(
      "td",
      { colspan: "8" },
      make("div", { class: "bar" }, factsShown(row), make("button", { click: () => copy([row]) }, "Copy")),
      why,
      providersTable(row),
      sightingsOf(row),
    ),
  );
}

async function explainInto(row, section) {
  section.replaceChildren(make("p", { class: "quiet" }, "Loading the explanation \u2026"));
  try {
    section.replaceChildren(...explained(await explain(row)));
  } catch (error) {
    // Opened again, it asks again.
    row.closed = null;
    section.replaceChildren(make("p", { class: "failed" }, messageOf(error)));
  }
}

// Everything that is known of an indicator, as one answer.
async function explain(row) {
  try {
    return await ask("/v4/ioc/" + TYPES[row.type].route + "/" + encodeURIComponent(row.value.toWellFormed()));
  } catch (error) {
    if (!isUnknown(error)) throw error;
    return {
      type: row.type,
      value: row.value,
      verdict: "UNKNOWN",
      why: ["Nothing is known of " + row.value + " and around it."],
      around: [],
      report: {},
    };
  }
}

const EVIDENCE = {
  file: "analysis of the file",
  yara: "YARA rule",
  signal: "signals",
  osint: "provider asked by the sandbox",
  reputation: "provider asked by this service",
  earlier_report: "earlier scan",
  report: "report",
  analyst: "analyst",
  rule: "rule",
};

function explained(body) {
  const scans = [body.latest, body.worst].filter(
    (scan, at, all) => scan && all.findIndex((one) => one && one.report_id === scan.report_id) === at,
  );
  const evidence = scans.flatMap((scan) =>
    scan.evidence.map((one) => [
      EVIDENCE[one.source] || one.source,
      one.name || one.flow_id || "",
      badge(one.verdict),
      one.echo ? "repeats an answer of this service" : one.decides ? "decided" : "",
      scanLink(scan.flow_id, scan.report_id, scan.flow_id),
    ]),
  );
  const file = body.latest?.file || {};
  const threat = [body.latest || {}].flatMap((scan) => [
    ["Threat", scan.threat_name],
    ["Family", scan.malware_family],
    ["Kind", scan.malware_type],
  ]);
  const facts = [
    ["File", file.name],
    ["File type", file.type],
    ["Size", file.size && file.size + " bytes"],
    ...threat,
  ].filter(([, fact]) => fact);
  return [
    make("h3", {}, "Why"),
    make(
      "ul",
      {},
      body.why.map((sentence) => make("li", {}, sentence)),
    ),
    ...(evidence.length
      ? [
          table(
            ["Source", "Name", "Verdict", "Effect", "Report"],
            evidence,
            "Evidence of the latest scan" + (scans.length > 1 ? " and of the worst" : ""),
          ),
        ]
      : []),
    ...(facts.length
      ? [table(["Fact", "Value"], facts, "The file and the threat, as the latest scan names them")]
      : []),
    ...((body.siblings || []).length
      ? [
          table(
            ["Type", "Digest"],
            body.siblings.map((one) => [one.type, iocLink(one)]),
            "Other digests of the same file",
          ),
        ]
      : []),
    ...(body.around.length
      ? [
          table(
            ["Verdict", "Type", "Indicator"],
            body.around.map((one) => [badge(one.verdict), one.type, iocLink(one)]),
            "Around it: its host, and the domains above",
          ),
        ]
      : []),
  ];
}

function factsShown(row) {
  return [
    row.scans ? make("span", {}, "Scans: ", row.scans) : "",
    row.score ? make("span", {}, "Score: ", row.score, row.until ? [", valid until ", moment(row.until)] : "") : "",
    row.count > 1 ? make("span", {}, "In the text: ", row.count, " times") : "",
    row.flow
      ? make("span", {}, scanLink(row.flow, "", "Scan report"), sandbox ? "" : [" ", make("code", {}, row.flow)])
      : "",
    ...tagsOf(row),
  ];
}

function providersTable(row) {
  return table(
    ["Provider", "Verdict", "More"],
    row.verdicts.map((one) => [
      one.provider,
      one.result in VERDICTS ? badge(one.result) : one.result,
      [
        one.overruled_by && one.overruled_verdict + " overruled by " + one.overruled_by,
        one.origin,
        one.list,
        one.network,
        one.def_time || one.detect_time ? moment(one.def_time || one.detect_time) : "",
      ]
        .filter(Boolean)
        .flatMap((part, at) => (at ? [", ", part] : [part])),
    ]),
    "Verdict of each provider on " + row.value,
  );
}

function sightingsOf(row) {
  const section = make("div", {}, row.flow ? make("p", { class: "quiet" }, "Loading sightings \u2026") : "");
  if (row.flow) loadSightings(row, section);
  return section;
}

// ---- The page of one indicator ----

let iocRequests = 0;

// Any key may report a false positive; `marks`: whether the key may set a verdict, too.
function assessForm(asked, body, marks) {
  const said = make("span", { role: "status" });
  const reason = make("input", { required: "", maxlength: "1000", size: "40" });
  const verdict = make(
    "select",
    {},
    RANKS.slice(0, -1)
      .reverse()
      .map((one) => make("option", { value: one }, VERDICTS[one][1])),
  );
  const until = make("input", { type: "date" });
  const place = TYPES[asked.type].route + "/" + encodeURIComponent(asked.value.toWellFormed());
  const send = async (end, method, content, done) => {
    const request = iocRequests;
    setStatus(said, "Sending \u2026", false);
    try {
      await ask("/v4/ioc/" + place + "/" + end, {
        method,
        ...(content && { body: JSON.stringify(content), headers: { "content-type": "application/json" } }),
      });
    } catch (error) {
      return setStatus(said, messageOf(error), true);
    }
    if (request !== iocRequests) return;
    await loadIoc(asked.type, asked.value);
    if ($("ioc-said").textContent === "") setStatus($("ioc-said"), done, false);
  };
  const act = {
    mark: () =>
      send(
        "verdict",
        "PUT",
        { verdict: verdict.value, reason: reason.value, ...(until.value && { expires: until.value + "T23:59:59Z" }) },
        "The indicator is marked.",
      ),
    report: () => send("false-positive", "POST", { reason: reason.value }, "The false positive is reported."),
  };
  return make(
    "details",
    {},
    make("summary", {}, marks ? "Mark it, or report a false positive" : "Report a false positive"),
    make(
      "form",
      {
        class: "bar",
        submit: (event) => {
          event.preventDefault();
          act[event.submitter.value]();
        },
      },
      make("label", {}, "Reason ", reason),
      make("button", { value: "report" }, "Report a false positive"),
      marks
        ? [
            make("label", {}, "Verdict ", verdict),
            make("label", {}, "until ", until),
            make("button", { value: "mark" }, "Mark it"),
          ]
        : "",
      marks && body.override
        ? make(
            "button",
            { type: "button", click: () => send("verdict", "DELETE", null, "The mark is removed.") },
            "Remove the mark",
          )
        : "",
      said,
    ),
  );
}

async function loadIoc(type, value) {
  // The answers to an earlier request are dropped, in whatever order they come.
  iocRequests += 1;
  const request = iocRequests;
  const asked = { type, value };
  $("ioc-title").replaceChildren(make("code", {}, value));
  $("ioc").replaceChildren();
  setStatus($("ioc-said"), "Looking up \u2026", false);
  try {
    const [body, marks] = await Promise.all([explain(asked), mayMark()]);
    if (request !== iocRequests) return;
    const row = { ...asked, count: 1, verdict: body.verdict, report: body.report, ...factsOf(body) };
    $("ioc").replaceChildren(
      make(
        "div",
        { class: "bar answer" },
        badge(row.verdict),
        make("span", {}, type),
        body.score === undefined
          ? ""
          : make(
              "span",
              {},
              "score " + body.score + " of 100",
              body.valid_until ? [", valid until ", moment(body.valid_until)] : "",
            ),
      ),
      make(
        "div",
        { class: "bar" },
        body.overruled_by
          ? make("span", {}, VERDICTS[body.overruled_verdict][1] + ", overruled by " + body.overruled_by)
          : "",
        row.first ? make("span", {}, "First seen ", moment(row.first), ", last seen ", moment(row.last), " UTC") : "",
        ...factsShown({ ...row, score: 0 }),
      ),
      make(
        "div",
        { class: "bar" },
        make("button", { click: () => copyTo($("ioc-said"), [row], false) }, "Copy"),
        TYPES[type].defanged
          ? make("button", { click: () => copyTo($("ioc-said"), [row], true) }, "Copy defanged")
          : "",
        make("button", { click: () => copyText($("ioc-said"), location.href, "copied the link") }, "Copy link"),
        make(
          "button",
          { click: async () => save("iocs.stix.json", "application/stix+json;version=2.1", await asStix([row])) },
          "Save STIX",
        ),
        make(
          "button",
          { click: () => save("ioc.json", "application/json", JSON.stringify(body, null, 1)) },
          "Save JSON",
        ),
      ),
      ...explained(body),
      ...(row.verdicts.length ? [providersTable(row)] : []),
      assessForm(asked, body, marks),
      sightingsOf(row),
    );
    setStatus($("ioc-said"), "", false);
  } catch (error) {
    if (request === iocRequests) setStatus($("ioc-said"), messageOf(error), true);
  }
}

const MORE =
  "Each row shows the verdict of one report. The link of an indicator leads to its current verdict, other providers, tags and sightings.";

function seenTable(rows, caption) {
  return table(
    ["Verdict", "Type", "Indicator", "Seen (UTC)", "Origin", "Report"],
    rows.map((one) => [
      badge(one.verdict),
      one.type,
      iocLink(one),
      moment(one.seen_at),
      one.origin,
      scanLink(one.flow_id, one.report_id, one.flow_id),
    ]),
    caption,
  );
}

async function loadSightings(row, section) {
  try {
    const answer = await ask("/v4/ioc/" + TYPES[row.type].route + "/" + encodeURIComponent(row.value) + "/sightings");
    const seen = answer.data;
    const flows = [...new Set(seen.map((one) => one.flow_id))].slice(0, SCANS);
    section.replaceChildren(
      make("h3", {}, "Sightings"),
      timeline(seen),
      table(
        ["Seen (UTC)", "Verdict", "Origin", "Report"],
        seen.map((one) => [
          moment(one.seen_at),
          badge(one.verdict),
          one.origin,
          scanLink(one.flow_id, one.report_id, one.flow_id),
        ]),
        seen.length + (answer.next_cursor ? " sightings, the newest" : seen.length === 1 ? " sighting" : " sightings"),
      ),
    );
    const lists = await Promise.all(flows.map((flow) => ask("/v4/report/" + encodeURIComponent(flow) + "/iocs")));
    const others = new Map();
    for (const one of lists.flatMap((list) => list.data)) {
      if (one.type !== row.type || one.value !== row.value) others.set(one.type + " " + one.value, one);
    }
    const related = [...others.values()].sort(
      (one, other) => RANKS.indexOf(one.verdict) - RANKS.indexOf(other.verdict),
    );
    section.append(
      make("h3", {}, "Related"),
      ...(related.length
        ? [
            seenTable(
              related,
              related.length +
                " more in the " +
                (flows.length === 1 ? "scan" : flows.length + " scans that reported it last"),
            ),
            make("p", { class: "quiet" }, MORE),
          ]
        : [make("p", {}, "Its scans reported no other indicators.")]),
    );
  } catch (error) {
    // Opened again, it asks again.
    if (!noIndex(error)) row.closed = null;
    section.replaceChildren(
      make("p", { class: noIndex(error) ? "quiet" : "failed" }, noIndex(error) ? NO_INDEX : messageOf(error)),
    );
  }
}

// ---- Plots: one lane per verdict, so they can be read without colours ----

function lanes(verdicts, from, until, label, draw) {
  const width = Math.min(720, document.documentElement.clientWidth - 32);
  const left = 120;
  const high = 26;
  const span = Math.max(until - from, 1);
  const x = (at) => left + 10 + ((at - from) / span) * (width - left - 30);
  const bottom = verdicts.length * high + 4;
  return make(
    "svg",
    { viewBox: "0 0 " + width + " " + (bottom + 20), width, role: "img", "aria-label": label },
    verdicts.flatMap((verdict, lane) => {
      const floor = (lane + 1) * high;
      return [
        make("text", { x: 0, y: floor - 6 }, VERDICTS[verdict].join(" ")),
        make("line", { class: "axis", x1: left, x2: width, y1: floor, y2: floor }),
        ...draw(verdict, x, floor),
      ];
    }),
    make("text", { x: left, y: bottom + 14 }, dayOf(from)),
    until > from ? make("text", { x: width, y: bottom + 14, "text-anchor": "end" }, dayOf(until)) : "",
  );
}

const dayOf = (millis) => new Date(millis).toISOString().slice(0, 10);
const ranked = (rows) => RANKS.filter((verdict) => rows.some((row) => row.verdict === verdict));

function timeline(seen) {
  if (!seen.length) return make("p", {}, "No stored report contains it.");
  const times = seen.map((one) => Date.parse(one.seen_at));
  return lanes(
    ranked(seen),
    Math.min(...times),
    Math.max(...times),
    "Timeline of " + seen.length + " sightings",
    (verdict, x, floor) =>
      seen
        .filter((one) => one.verdict === verdict)
        .map((one) =>
          make(
            "circle",
            {
              class: verdict,
              cx: x(Date.parse(one.seen_at)),
              cy: floor - 9,
              r: 6,
            },
            make("title", {}, one.seen_at),
          ),
        ),
  );
}

function overTime(rows) {
  const days = new Map();
  for (const row of rows) {
    const day = row.seen_at.slice(0, 10);
    if (!days.has(day)) days.set(day, {});
    days.get(day)[row.verdict] = (days.get(day)[row.verdict] || 0) + 1;
  }
  const sorted = [...days.keys()].sort();
  const times = sorted.map((day) => Date.parse(day));
  const top = Math.max(...[...days.values()].flatMap((counts) => Object.values(counts)));
  const verdicts = ranked(rows);
  return [
    lanes(
      verdicts,
      times[0],
      times[times.length - 1],
      "Indicators by day and verdict; the table below lists the numbers",
      (verdict, x, floor) =>
        sorted
          .filter((day) => days.get(day)[verdict])
          .map((day) => {
            const count = days.get(day)[verdict];
            const height = Math.max(2, (count / top) * 20);
            return make(
              "rect",
              { class: verdict, x: x(Date.parse(day)) - 3, y: floor - height, width: 6, height },
              make("title", {}, day + ": " + count),
            );
          }),
    ),
    make(
      "details",
      {},
      make("summary", {}, "As a table"),
      table(
        ["Day", ...verdicts.map((verdict) => VERDICTS[verdict][1])],
        sorted.map((day) => [day, ...verdicts.map((verdict) => days.get(day)[verdict] || 0)]),
        "Indicators by day of the report",
      ),
    ),
  ];
}

function barCell(count, top, style) {
  return count
    ? [
        String(count),
        make(
          "svg",
          { viewBox: "0 0 100 8", width: 100, height: 8, "aria-hidden": "true" },
          make("rect", { class: style, x: 0, y: 0, height: 8, width: Math.max(1, (count / top) * 100) }),
        ),
      ]
    : "0";
}

// ---- Status ----

let statusRequests = 0;
let statusTime = "";

async function loadStatus() {
  // The answers to an earlier request are dropped, in whatever order they come.
  statusRequests += 1;
  const request = statusRequests;
  setStatus($("status-said"), "Loading \u2026", false);
  try {
    const { feeds } = await ask("/v4/status/feed");
    const { providers } = await ask("/v4/status/providers");
    const { rights } = await keyInfo().catch(() => ({ rights: [] }));
    const waiting = rights.includes("annotate") ? await waitingOf() : [];
    const shown = [...feedsOf(feeds), ...waiting, ...(await recentOf()), ...providersOf(providers)];
    if (request !== statusRequests) return;
    $("status").replaceChildren(...shown);
    statusTime = "As of " + new Date().toISOString().slice(0, 16).replace("T", " ") + " UTC";
    setStatus($("status-said"), statusTime, false);
  } catch (error) {
    if (request !== statusRequests) return;
    setStatus($("status-said"), messageOf(error) + (statusTime ? " Not renewed. " + statusTime + ":" : ""), true);
  }
}

function feedsOf(feeds) {
  return [
    make("h2", {}, "Feeds"),
    feeds.length
      ? table(
          ["Feed", "State", "Last run", "Outcome", "Last complete run", "Newest report", "Reports left"],
          feeds.map((one) => [
            one.feed,
            one.stale ? make("span", { class: "failed" }, "\u2716 stale") : "\u2714 up to date",
            [moment(one.last_run), " (" + ago(one.age_s * 1000) + " ago)"],
            one.complete
              ? "\u2714 complete"
              : make(
                  "span",
                  { class: "failed" },
                  "\u2716 " + one.stopped + (one.failures > 1 ? ", " + one.failures + " runs in a row" : ""),
                ),
            one.last_complete ? moment(one.last_complete) : "never",
            one.lag_s < 0 ? "none was read" : ago(one.lag_s * 1000) + " old",
            one.left < 0 ? "not stated by the feed" : one.left,
          ]),
          "How each feed was read last. A feed is stale when no run completed in the last two hours. The newest report ages even if the feed has nothing new.",
        )
      : make("p", {}, "No run of ingestion has ended yet."),
  ];
}

// Reports of false positives on which no analyst has decided since.
async function waitingOf() {
  const [reports, changes] = await Promise.all([
    ask("/v4/false-positives?limit=" + REPORTS),
    ask("/v4/overrides?history=true&limit=" + REPORTS),
  ]);
  const decided = (one) =>
    changes.data.some((each) => each.type === one.type && each.value === one.value && each.at >= one.at);
  const waiting = reports.data.filter((one) => !decided(one));
  return [
    make("h2", {}, "False positives reported"),
    waiting.length
      ? table(
          ["Reported (UTC)", "Type", "Indicator", "Reason", "By"],
          waiting.map((one) => [moment(one.at), one.type, iocLink(one), one.reason, one.by]),
          waiting.length + " wait for a decision" + (reports.next_cursor ? ", among the newest " + REPORTS : ""),
        )
      : make("p", {}, "None waits for a decision" + (reports.next_cursor ? ", among the newest " + REPORTS : "") + "."),
  ];
}

async function recentOf() {
  const rows = new Map();
  let cursor = "";
  try {
    for (let page = 0; page < PAGES; page += 1) {
      const answer = await ask("/v4/iocs/recent?limit=1000" + (cursor ? "&cursor=" + encodeURIComponent(cursor) : ""));
      for (const row of answer.data) {
        const name = row.type + " " + row.value;
        if (!rows.has(name)) rows.set(name, row);
      }
      cursor = answer.next_cursor;
      if (!cursor) break;
    }
  } catch (error) {
    if (noIndex(error)) return [make("h2", {}, "Seen last"), make("p", { class: "quiet" }, NO_INDEX)];
    throw error;
  }
  const seen = [...rows.values()];
  if (!seen.length) return [make("h2", {}, "Seen last"), make("p", {}, "The index has no sightings.")];
  const verdicts = ranked(seen);
  const count = (kind, verdict) => seen.filter((row) => row.type === kind && row.verdict === verdict).length;
  const kinds = KINDS.filter((kind) => seen.some((row) => row.type === kind));
  const top = Math.max(...kinds.flatMap((kind) => verdicts.map((verdict) => count(kind, verdict))));
  return [
    make("h2", {}, "Seen last"),
    make("p", {}, cursor ? "The " + seen.length + " indicators seen last" : seen.length + " indicators in the index"),
    table(
      ["Type", ...verdicts.map((verdict) => VERDICTS[verdict].join(" "))],
      kinds.map((kind) => [kind, ...verdicts.map((verdict) => barCell(count(kind, verdict), top, verdict))]),
      "By type and verdict",
    ),
    make("h3", {}, "Over time"),
    ...overTime(seen),
    make("h3", {}, "The newest"),
    seenTable(seen.slice(0, NEWEST), "What reports said of them"),
    make("p", { class: "quiet" }, MORE),
  ];
}

function ago(millis) {
  const [size, unit] = [
    [86400000, "day"],
    [3600000, "hour"],
    [60000, "minute"],
    [1000, "second"],
  ].find(([one]) => millis >= one) || [1000, "second"];
  const number = Math.max(0, Math.floor(millis / size));
  return number + " " + unit + (number === 1 ? "" : "s");
}

function providersOf(providers) {
  const top = Math.max(1, ...providers.map((one) => one.entries));
  return [
    make("h2", {}, "Other providers"),
    providers.length
      ? table(
          ["Provider", "Types", "Entries", "Last success", "State", "Licence"],
          providers.map((one) => [
            one.provider,
            one.types.join(", "),
            one.on_demand ? "asked at look-up" : barCell(one.entries, top, "plain"),
            one.age_s < 0 ? "" : ago(one.age_s * 1000) + " ago",
            one.error ? make("span", { class: "failed" }, "\u2716 " + one.error) : "\u2714 fine",
            one.licence,
          ]),
          "State of each provider",
        )
      : make("p", { class: "quiet" }, "None is switched on."),
  ];
}

// ---- Copying and saving ----

function defang(row) {
  return TYPES[row.type].defanged ? row.value.replace(/^http/i, "hxxp").replaceAll(".", "[.]") : row.value;
}

const copy = (rows) => copyTo($("shown"), rows, $("defanged").checked);
const copyTo = (said, rows, defanged) =>
  copyText(said, rows.map((row) => (defanged ? defang(row) : row.value)).join("\n"), "copied " + rows.length);

async function copyText(said, text, done) {
  try {
    await navigator.clipboard.writeText(text);
    setStatus(said, done, false);
  } catch (_error) {
    setStatus(said, "The browser does not allow this page to copy.", false);
  }
}

function save(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  make("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
}

// A spreadsheet reads text that begins with one of these characters as a formula.
function cell(value) {
  const text = String(value);
  const safe = /^[=+\-@\t\r]/.test(text) ? "'" + text : text;
  return /[",\r\n]/.test(safe) ? '"' + safe.replaceAll('"', '""') + '"' : safe;
}

function asCsv(rows) {
  const titles = [
    "verdict",
    "type",
    "value",
    "written",
    "count",
    "providers",
    "first_seen",
    "last_seen",
    "scans",
    "tags",
    "flow_id",
  ];
  const lines = rows.map((row) => [
    row.verdict,
    row.type,
    row.value,
    row.text,
    row.count,
    row.listedBy.join("; "),
    row.first,
    row.last,
    row.scans,
    row.tags.join("; "),
    row.flow,
  ]);
  return [titles, ...lines].map((line) => line.map(cell).join(",") + "\r\n").join("");
}

function asJson(rows) {
  return JSON.stringify(
    rows.map(({ type, value, text, offset, count, verdict, report }) => ({
      type,
      value,
      text,
      offset,
      count,
      verdict,
      report,
    })),
    null,
    1,
  );
}

// Namespace of all ids in the page's bundles. Never change it: tools recognize objects by id.
const NAMESPACE = "7c1d4f0a-93be-5c41-8f27-2b6a90d5e318";
async function uuidOf(name) {
  const space = NAMESPACE.replaceAll("-", "")
    .match(/../g)
    .map((byte) => parseInt(byte, 16));
  const digest = new Uint8Array(
    await crypto.subtle.digest("SHA-1", new Uint8Array([...space, ...new TextEncoder().encode(name)])),
  );
  digest[6] = (digest[6] & 15) | 80;
  digest[8] = (digest[8] & 63) | 128;
  const hex = Array.from(digest.slice(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

const MEANINGS = {
  MALICIOUS: "malicious-activity",
  LIKELY_MALICIOUS: "malicious-activity",
  SUSPICIOUS: "anomalous-activity",
  NO_THREAT: "unknown",
  BENIGN: "benign",
};

// The same rows make the same bundle. Rows without a verdict are left out.
async function asStix(rows) {
  const objects = await Promise.all(
    rows
      .filter((row) => row.verdict in MEANINGS)
      .map(async (row) => {
        const times = [row.first, row.last, ...row.verdicts.flatMap((one) => [one.def_time, one.detect_time])]
          .filter(Boolean)
          .sort();
        const [first, last] = [
          times[0] || "1970-01-01T00:00:00.000Z",
          times[times.length - 1] || "1970-01-01T00:00:00.000Z",
        ];
        const value = isHash(row.type) ? row.value.toLowerCase() : row.value;
        const path = TYPES[row.type].stix.at(value.includes(":") ? -1 : 0);
        const scan = row.flow && sandbox ? { url: sandbox + "/uploads/" + encodeURIComponent(row.flow) } : {};
        return {
          type: "indicator",
          spec_version: "2.1",
          id: "indicator--" + (await uuidOf(row.type + ":" + row.value)),
          created: first,
          modified: last,
          name: value,
          indicator_types: [MEANINGS[row.verdict]],
          pattern: "[" + path + " = '" + value.replace(/[\\']/g, "\\$&") + "']",
          pattern_type: "stix",
          pattern_version: "2.1",
          valid_from: first,
          labels: ["verdict:" + row.verdict.toLowerCase(), ...row.tags],
          ...(row.flow
            ? { external_references: [{ source_name: "MetaDefender Sandbox", external_id: row.flow, ...scan }] }
            : {}),
        };
      }),
  );
  const id = "bundle--" + (await uuidOf(JSON.stringify(objects)));
  return JSON.stringify({ type: "bundle", id, ...(objects.length ? { objects } : {}) }, null, 1);
}

// ---- Events ----

$("search-form").addEventListener("submit", (event) => {
  event.preventDefault();
  startSearch();
});
$("stop").addEventListener("click", () => current.stop?.abort());
$("go-on").addEventListener("click", () => run(current));
$("text").addEventListener("input", markChanged);
// The file that was chosen last.
let opened = null;
$("file").addEventListener("change", async () => {
  const [file] = $("file").files;
  if (file) {
    opened = file;
    const bytes = new Uint8Array(await file.arrayBuffer());
    if (file !== opened) return;
    const marked = { "255,254": "utf-16le", "254,255": "utf-16be" }[bytes.slice(0, 2).join()];
    $("text").value = new TextDecoder(marked || "utf-8").decode(bytes);
    setStatus($("said"), file.name + " is read. Look it up.", false);
    markChanged();
  }
  $("file").value = "";
  $("text").focus();
});
$("filter").addEventListener("input", show);
$("kind").addEventListener("change", show);
$("more").addEventListener("click", () => {
  most += ROWS;
  show();
});
$("copy").addEventListener("click", () => copy(filteredRows()));
$("csv").addEventListener("click", () => save("iocs.csv", "text/csv", asCsv(filteredRows())));
$("json").addEventListener("click", () => save("iocs.json", "application/json", asJson(filteredRows())));
$("stix").addEventListener("click", async () =>
  save("iocs.stix.json", "application/stix+json;version=2.1", await asStix(filteredRows())),
);
$("refresh").addEventListener("click", loadStatus);
document.addEventListener("keydown", (event) => {
  const writes = event.target.matches("input, textarea, select");
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target === $("text")) startSearch();
  else if (event.key === "Escape" && current.stop) current.stop.abort();
  else if (event.key === "/" && !writes && !$("results").hidden) {
    event.preventDefault();
    $("filter").focus();
  } else if (event.key.startsWith("Arrow") && event.target.matches("#rows [aria-expanded]")) {
    const buttons = [...$("rows").querySelectorAll("[aria-expanded]")];
    const next = buttons[buttons.indexOf(event.target) + { ArrowDown: 1, ArrowUp: -1 }[event.key]];
    if (next) {
      event.preventDefault();
      next.focus();
    }
  }
});

$("example").addEventListener("click", () => {
  $("text").value = EXAMPLE;
  startSearch();
});

function view() {
  const [name, type, value] = location.hash.slice(1).split("/");
  const ioc = name === "ioc" && type in TYPES && value;
  const status = name === "status";
  $("search-view").hidden = status || Boolean(ioc);
  $("ioc-view").hidden = !ioc;
  $("status-view").hidden = !status;
  $("to-search").setAttribute("aria-current", status || ioc ? "false" : "page");
  $("to-status").setAttribute("aria-current", status ? "page" : "false");
  document.title = "IOC reputation";
  // An answer for the indicator that was shown before must not come any more.
  iocRequests += 1;
  if (ioc) showIoc(type, decoded(value));
  else if (name === "list") showList(type === undefined ? null : decoded(type));
  else if (status && !$("status").hasChildNodes() && sessionStorage.getItem(KEY)) loadStatus();
}

function showIoc(type, value) {
  document.title = value + " \u2013 IOC reputation";
  scrollTo(0, 0);
  loadIoc(type, value);
}

// Shows the look-up of a link, or of an entry in the history; rows that are there already stay.
function showList(linked) {
  const text = history.state && typeof history.state.text === "string" ? history.state.text : linked;
  if (text === null)
    return setStatus($("said"), "The text of this list is kept only in the tab that looked it up.", false);
  $("text").value = text;
  if (!history.state) history.replaceState({ text: $("text").value }, "");
  if (sessionStorage.getItem(KEY) && $("text").value !== current.text) startSearch();
  markChanged();
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch (_error) {
    return text;
  }
}

// Back, forward, and every link to a view.
addEventListener("popstate", view);

$("theme").value = localStorage.getItem("theme") || "";
$("theme").addEventListener("change", () => {
  localStorage.setItem("theme", $("theme").value);
  theme();
});
const theme = () => {
  document.documentElement.dataset.theme = $("theme").value;
};

$("to-docs").href = base + "/docs";
theme();
showKey();
view();
$(sessionStorage.getItem(KEY) ? "text" : "key").focus();
