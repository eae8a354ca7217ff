/** What a site's owner puts into every page. The id is the only thing in it that is not ours, and it is written as an attribute's value. */
export function snippet(origin: string, siteId: string): string {
  return `<script defer src="${origin}/footfall.js" data-site="${attribute(siteId)}"></script>`;
}

function attribute(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
}

/** "https://www.Example.org/blog" → "www.example.org": people paste addresses. */
export function domainOf(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replace(/^[a-z]+:\/\//, "")
    .replace(/[/?#].*$/, "");
}

/** Whose browsers can load a script from here: those of this machine, of its own network, of pages without TLS, or all. */
export type Reach = "machine" | "network" | "plain" | "all";

/** By the origin that the dashboard was opened under. A name may lead anywhere: only those that no public name server knows are private. */
export function reachOf(origin: string): Reach {
  const { protocol, hostname } = new URL(origin);
  const host = hostname.replace(/^\[|\]$/g, "");
  const isV4 = /^[\d.]+$/.test(host);
  if (isV4 ? /^(127|0)\./.test(host) : /^::1?$|^(.+\.)?localhost$/.test(host)) return "machine";
  const isPrivate = isV4
    ? /^(10|192\.168|169\.254|172\.(1[6-9]|2\d|3[01])|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./.test(host)
    : /^f([cd]|e[89ab])[\da-f]*:|^[^.:]+$|\.(local|lan|internal|home\.arpa)$/.test(host);
  if (isPrivate) return "network";
  return protocol === "https:" ? "all" : "plain";
}
