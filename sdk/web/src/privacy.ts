import type { Options } from "./api";
import { attempt } from "./guard";
import { isOn } from "./options";

/** Whether the browser asks, by Global Privacy Control or Do Not Track, that nothing be sent, and the site heeds it. */
export function asksForPrivacy(options: Options): boolean | undefined {
  const asks = navigator as { globalPrivacyControl?: boolean; doNotTrack?: string | null };
  return isOn(options.respectDnt) && (asks.globalPrivacyControl || asks.doNotTrack == "1");
}

// The one thing that is ever stored, and only where the site asks for it. localStorage throws where it is forbidden, as in a sandboxed frame.
const KEY = "footfall.optout";

export function recallOptOut(): boolean {
  return !!attempt(() => localStorage[KEY]);
}

export function rememberOptOut(out: boolean): void {
  attempt(() => (out ? (localStorage[KEY] = "1") : delete localStorage[KEY]));
}
