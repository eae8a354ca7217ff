/** The secret of a one-time link, "#token=…". It is taken out of the address at once, so that it stays in no history and no screenshot. */
export function takeToken(): string | undefined {
  const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? undefined;
  if (location.hash) history.replaceState(null, "", location.pathname + location.search);
  return token;
}
