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
