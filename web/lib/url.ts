/** The address as a link may go to it: http and https only, whatever a visitor sent as a referrer. */
export function safeLink(text: string): string | undefined {
  try {
    const url = new URL(text);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : undefined;
  } catch {
    return undefined;
  }
}

/** A page of a site: the domain is the owner's word, the path is a visitor's. */
export function pageLink(domain: string, path: string): string | undefined {
  return path.startsWith("/") ? safeLink(`https://${domain}${path}`) : undefined;
}
