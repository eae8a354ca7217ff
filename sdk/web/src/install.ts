import type { Footfall, Options } from "./api";
import { createClient } from "./client";
import { attempt, listen, setDebug } from "./guard";
import { isOn } from "./options";
import { asksForPrivacy } from "./privacy";

/** A method's name, then its arguments. */
export type Call = ArrayLike<unknown>;
type Method = (a?: unknown, b?: unknown, c?: unknown, d?: unknown) => void;

/** What the snippet makes, and what it becomes: then `q` runs what is pushed. */
export type Api = Partial<Footfall> & { q?: { push(call: Call): unknown } };

/** Starts to measure, and puts the methods on `api`. `calls` were made before and are made up for, in order. */
export function install(options: Options, api: Api = {}, calls: Call[] = []): Footfall {
  const { methods_: methods, start_: start } = createClient(options);
  // Empty where nothing may be sent: calls do nothing. Undefined while the page is prerendered: calls are kept.
  let target: Record<string, Method> | undefined = {};

  const run = (call: Call): void => {
    attempt(() => {
      if (target) target[call[0] as string]?.(call[1], call[2], call[3], call[4]);
      else calls[calls.length] = call;
    });
  };
  const begin = (): void => {
    target = methods as unknown as Record<string, Method>;
    start();
    for (let i = 0; i < calls.length; i++) run(calls[i]!);
    run(["flush"]);
  };

  attempt(() => {
    setDebug(isOn(options.debug ?? false));
    if (!options.site || asksForPrivacy(options)) return;
    if ((document as { prerendering?: boolean }).prerendering) {
      target = undefined;
      listen("prerenderingchange", begin);
    } else begin();
  });
  for (const name in methods) (api as Record<string, Method>)[name] = (a, b, c, d) => run([name, a, b, c, d]);
  api.q = { push: run };
  return api as Footfall;
}
