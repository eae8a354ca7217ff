// footfall.js: what <script data-site="…" src="…/footfall.js"> runs.
import type { Options } from "./api";
import { attempt } from "./guard";
import { install, type Api, type Call } from "./install";

attempt(() => {
  const page = window as { footfall?: Api };
  const stub = page.footfall;
  // Without the snippet, an element with the id "footfall" may be found under the name: it has no q.
  const calls = stub?.q as Call[] | undefined;
  // A page that has the script twice is counted once: what is left in q by the first is no array.
  if (calls && !calls.pop) return;
  // In a module there is no current script.
  const script = (document.currentScript || document.querySelector("[data-site]")) as HTMLScriptElement;
  const data: Partial<Record<string, string>> = script.dataset;
  page.footfall = install(
    {
      ...(data as Partial<Options>),
      site: (data["site"] || data["trackingId"])!,
      endpoint: data["endpoint"] || new URL("/api/v1/events", script.src).href,
    },
    calls && stub,
    calls,
  ) as Api;
});
