import { useState } from "preact/hooks";

/** The point of a chart that is looked at, and what the chart's element needs so that keys move it: a slider, so that every screen reader
 *  leaves the arrow keys to it and says where it stands. `stride` is that of page up and down. */
export function useCursor(count: number, stride: number) {
  const [active, look] = useState<number>();
  const last = count - 1;
  const at = active !== undefined && active <= last ? active : undefined;

  function onKeyDown(event: KeyboardEvent): void {
    const from = at ?? last;
    const to = {
      ArrowLeft: from - (at === undefined ? 0 : 1),
      ArrowDown: from - 1,
      ArrowRight: from + 1,
      ArrowUp: from + 1,
      Home: 0,
      End: last,
      PageUp: from + stride,
      PageDown: from - stride,
    }[event.key];
    if (event.key === "Escape") look(undefined);
    if (to === undefined) return;
    event.preventDefault();
    look(Math.min(last, Math.max(0, to)));
  }

  return {
    at,
    look,
    role: "slider",
    tabIndex: 0,
    "aria-orientation": "horizontal",
    "aria-valuemin": 1,
    "aria-valuemax": Math.max(1, count),
    "aria-valuenow": Math.max(1, (at ?? last) + 1),
    onKeyDown,
    onPointerLeave: () => look(undefined),
    onBlur: () => look(undefined),
  } as const;
}
