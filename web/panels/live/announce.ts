import { useEffect, useRef, useState } from "preact/hooks";

import type { LiveState } from "../../app/live";
import { plural } from "../../lib/format";

/** A screen reader is told at most this often: a busy site changes its number every second. */
const ANNOUNCE_EVERY_MS = 60_000;

/** How many are there, for a status that is read out; and that nobody knows, where the connection is lost. */
export function useAnnouncement(live: LiveState): string {
  const [text, setText] = useState("");
  const saidAt = useRef(-Infinity);
  useEffect(() => {
    if (live.state === "off") {
      saidAt.current = -Infinity;
      setText("The live connection is lost");
      return;
    }
    const now = performance.now();
    if (!live.snapshot || now - saidAt.current < ANNOUNCE_EVERY_MS) return;
    saidAt.current = now;
    setText(`${plural(live.snapshot.active_visitors, "active visitor")} now`);
  }, [live]);
  return text;
}
