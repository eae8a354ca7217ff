import "./status.css";

import { MinuteBars } from "../charts/bars";
import { fetchStatus } from "../lib/api";
import { bytes, clock, count, duration, plural, sentence } from "../lib/format";
import { poll } from "../lib/poll";
import type { Minute, Status } from "../lib/status";
import { byId, html, setText } from "../ui/dom";

const chart = new MinuteBars();
byId("chart").append(chart.node);

/** One figure of the row on top: its name, value and a line that explains it. */
function number(name: string): (value: string, note: string) => void {
  const value = html("dd", { class: "value" }, "\u2013");
  const note = html("dd", { class: "note" }, "\u00a0");
  byId("numbers").append(html("div", { class: "number" }, html("dt", {}, name), value, note));
  return (newValue, newNote) => {
    setText(value, newValue);
    setText(note, newNote);
  };
}

const accepted = number("Accepted");
const duplicates = number("Duplicates");
const rejected = number("Rejected");
const lag = number("Loader lag");
const store = number("Store");
const log = number("Event log");

function show(status: Status): void {
  const rejectedSum = Object.values(status.totals.rejected).reduce((sum, n) => sum + n, 0);
  const received = status.totals.accepted + status.totals.duplicates + rejectedSum;

  showState(status.ready.ok ? "ready" : "not-ready", status.ready.ok ? "Ready" : "Not ready");
  setText(byId("version"), `Version ${status.version}`);
  setText(byId("uptime"), `up ${duration(Math.max(0, (Date.parse(status.now) - Date.parse(status.started_at)) / 1000))}`);

  accepted(count(status.totals.accepted), "on disk");
  duplicates(count(status.totals.duplicates), "sent again, counted once");
  rejected(count(rejectedSum), received > 0 ? `${((100 * rejectedSum) / received).toFixed(1)} % of what came` : "none came");
  lag(duration(status.loader.lag_seconds), `${count(status.loader.stored)} in the store`);
  store(sentence(status.store.state), `ClickHouse ${status.store.engine_version || "not asked yet"}`);
  const archived = status.archive.on ? `, archived to ${count(status.archive.next_offset)}` : "";
  log(bytes(status.log.bytes), `ends at offset ${count(status.log.end_offset)}${archived}`);

  const empty = received === 0 && status.minutes.every((minute) => total(minute) === 0);
  byId("first").hidden = !empty;
  setText(byId("finding"), finding(status.minutes));
  chart.show(status.minutes);
  if (!byId("table").hidden) showTable(status.minutes);

  byId("ready").replaceChildren(...readiness(status));
  byId("rejected").replaceChildren(reasons(status.totals.rejected, rejectedSum));
}

function total(minute: Minute): number {
  return minute.accepted + minute.duplicates + minute.rejected;
}

/** What the chart says, for those who do not see it and those who have no time. */
function finding(minutes: Minute[]): string {
  const sum = minutes.reduce((all, minute) => all + total(minute), 0);
  if (sum === 0) return "No events in the last 30 minutes.";
  const busiest = minutes.reduce((best, minute) => (total(minute) > total(best) ? minute : best));
  return `${plural(sum, "event")}; the busiest minute was ${clock(busiest.minute)} with ${count(total(busiest))}.`;
}

function showTable(minutes: Minute[]): void {
  const head = html("tr", {}, ...["Minute (UTC)", "Accepted", "Duplicates", "Rejected"].map((name) => html("th", { scope: "col" }, name)));
  const rows = minutes
    .map((minute) =>
      html(
        "tr",
        {},
        html("th", { scope: "row" }, clock(minute.minute)),
        ...[minute.accepted, minute.duplicates, minute.rejected].map((n) => html("td", n === 0 ? { class: "zero" } : {}, count(n))),
      ),
    )
    .reverse();
  byId("table").replaceChildren(
    html("table", {}, html("caption", { class: "visually-hidden" }, "Events per minute, newest first"), html("thead", {}, head), html("tbody", {}, ...rows)),
  );
}

function readiness(status: Status): Node[] {
  if (status.ready.not_ready.length === 0 && status.ready.ok)
    return [html("li", { class: "good" }, html("strong", {}, "All parts are ready"), html("span", {}, "Events are accepted and queries answered."))];
  return status.ready.not_ready.map(({ part, reason }) => html("li", { class: "bad" }, html("strong", {}, sentence(part)), html("span", {}, reason)));
}

/** A bar list: a table whose rows have their share as background. */
function reasons(counts: Record<string, number>, sum: number): Node {
  const sorted = Object.entries(counts)
    .filter(([, n]) => n > 0)
    .sort(([a, m], [b, n]) => n - m || a.localeCompare(b));
  if (sorted.length === 0) return html("p", { class: "quiet" }, "Nothing was rejected.");
  const rows = sorted.map(([reason, n]) => {
    const name = html("th", { scope: "row" }, html("span", {}, sentence(reason)));
    name.style.setProperty("--part", String(n / sum));
    return html("tr", {}, name, html("td", {}, count(n)));
  });
  return html(
    "table",
    { class: "bar-list" },
    html("thead", { class: "visually-hidden" }, html("tr", {}, html("th", { scope: "col" }, "Reason"), html("th", { scope: "col" }, "Events"))),
    html("tbody", {}, ...rows),
  );
}

function showState(state: "ready" | "not-ready" | "silent", text: string): void {
  byId("state").dataset["state"] = state;
  setText(byId("state"), text);
}

let latest: Status | undefined;
let latestAt = 0;

const wake = poll({
  ask: () => fetchStatus(),
  hidden: () => document.hidden,
  onAnswer: (status) => {
    latest = status;
    latestAt = Date.now();
    byId("failure").hidden = true;
    byId("figures").removeAttribute("aria-busy");
    byId("figures").classList.remove("stale");
    show(status);
  },
  onFailure: (error, retryMs) => {
    const reason = error instanceof Error ? error.message : String(error);
    const since = latest ? ` What you see is ${duration(Math.round((Date.now() - latestAt) / 1000))} old.` : "";
    setText(byId("failure-text"), `${reason}${since} Trying again in ${Math.max(1, Math.round(retryMs / 1000))} s.`);
    byId("failure").hidden = false;
    byId("figures").classList.add("stale");
    showState("silent", "No answer");
  },
});

document.addEventListener("visibilitychange", wake);
byId("retry").addEventListener("click", wake);
byId("as-table").addEventListener("click", () => {
  const table = byId("table");
  table.hidden = !table.hidden;
  for (const id of ["chart", "legend"]) byId(id).hidden = !table.hidden;
  byId("as-table").setAttribute("aria-pressed", String(!table.hidden));
  if (!table.hidden && latest) showTable(latest.minutes);
});

setText(byId("command-site"), "footfall site add \"My site\" --domain example.org");
setText(
  byId("command-event"),
  `curl ${location.origin}/api/v1/events \\\n  --data '{"type": "pageview", "tracking_id": "SITE", "data": {"page": "/hello"}}'`,
);
