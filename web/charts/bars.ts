import { clock, compact, count } from "../lib/format";
import type { Minute } from "../lib/status";
import { html, setText, svg } from "../ui/dom";
import { ticks } from "./scale";

const HEIGHT = 220;
const MARGIN = { top: 10, right: 2, bottom: 26, left: 40 };
const SERIES = ["accepted", "duplicates", "rejected"] as const;

/** Bars per minute, stacked. The x axis is the bucket's number; labels are the server's. The last minute, which is not over, is hatched.
 *  Left and right move through the minutes; the one looked at is announced. */
export class MinuteBars {
  readonly node = html("div", { class: "bars" });
  private readonly plot = svg("svg", {
    class: "bars-plot",
    height: HEIGHT,
    tabindex: 0,
    role: "group",
    "aria-roledescription": "bar chart",
    "aria-label": "Events per minute. Left and right move through the minutes.",
  });
  private readonly tip = html("p", { class: "bars-tip", hidden: true });
  private readonly spoken = html("p", { class: "visually-hidden", "aria-live": "polite" });
  private minutes: Minute[] = [];
  private width = 0;
  private active: number | undefined;

  constructor() {
    this.node.append(this.plot, this.tip, this.spoken);
    new ResizeObserver(([entry]) => {
      const width = Math.round(entry?.contentRect.width ?? 0);
      if (width !== this.width) {
        this.width = width;
        this.draw();
      }
    }).observe(this.node);
    this.plot.addEventListener("keydown", (event) => this.onKey(event));
    this.plot.addEventListener("pointermove", (event) => {
      const index = Math.floor((event.clientX - this.plot.getBoundingClientRect().left - MARGIN.left) / this.slot());
      this.look(index >= 0 && index < this.minutes.length ? index : undefined);
    });
    for (const end of ["pointerleave", "blur"]) this.plot.addEventListener(end, () => this.look(undefined));
  }

  show(minutes: Minute[]): void {
    this.minutes = minutes;
    if (this.active !== undefined && this.active >= minutes.length) this.active = undefined;
    this.draw();
  }

  private slot(): number {
    return Math.max(0, this.width - MARGIN.left - MARGIN.right) / Math.max(1, this.minutes.length);
  }

  private onKey(event: KeyboardEvent): void {
    const last = this.minutes.length - 1;
    const from = this.active;
    const to = {
      ArrowLeft: from === undefined ? last : Math.max(0, from - 1),
      ArrowRight: from === undefined ? 0 : Math.min(last, from + 1),
      Home: 0,
      End: last,
    }[event.key];
    if (event.key === "Escape") this.look(undefined);
    if (to === undefined || last < 0) return;
    event.preventDefault();
    this.look(to);
    const minute = this.minutes[to];
    if (minute) setText(this.spoken, describe(minute));
  }

  private look(index: number | undefined): void {
    if (index === this.active) return;
    this.active = index;
    this.draw();
  }

  private draw(): void {
    if (this.width === 0) return;
    const inner = HEIGHT - MARGIN.top - MARGIN.bottom;
    const marks = ticks(Math.max(0, ...this.minutes.map(sum)), 4);
    const top = marks[marks.length - 1] ?? 1;
    const y = (value: number): number => MARGIN.top + inner * (1 - value / top);
    const slot = this.slot();
    const gap = Math.min(3, slot * 0.25);

    const parts: SVGElement[] = [hatch()];
    for (const mark of marks) {
      const at = Math.round(y(mark)) + 0.5;
      parts.push(
        svg("line", { class: mark === 0 ? "axis" : "grid", x1: MARGIN.left, x2: this.width - MARGIN.right, y1: at, y2: at }),
        svg("text", { class: "label", x: MARGIN.left - 8, y: at, dy: "0.32em", "text-anchor": "end" }, compact(mark)),
      );
    }
    // A label each five minutes, or each ten where they would touch.
    const step = slot * 5 < 48 ? 10 : 5;
    this.minutes.forEach((minute, index) => {
      const x = MARGIN.left + index * slot;
      const running = index === this.minutes.length - 1;
      let below = 0;
      if (index === this.active) parts.push(svg("rect", { class: "looked-at", x, width: slot, y: MARGIN.top, height: inner }));
      for (const name of SERIES) {
        const value = minute[name];
        if (value <= 0) continue;
        const bottom = y(below);
        below += value;
        // A count that is there is seen, be it one of ten thousand.
        const height = Math.max(1.5, bottom - y(below));
        parts.push(svg("rect", { class: `bar ${name}`, x: x + gap / 2, width: slot - gap, y: bottom - height, height }));
        if (running) parts.push(svg("rect", { fill: "url(#running)", x: x + gap / 2, width: slot - gap, y: bottom - height, height }));
      }
      if (Number(minute.minute.slice(14, 16)) % step === 0) {
        const middle = x + slot / 2;
        const anchor = middle > this.width - 20 ? "end" : "middle";
        const at = anchor === "end" ? this.width - MARGIN.right : middle;
        parts.push(svg("text", { class: "label", x: at, y: HEIGHT - 8, "text-anchor": anchor }, clock(minute.minute)));
      }
    });
    this.plot.setAttribute("width", String(this.width));
    this.plot.replaceChildren(...parts);
    this.placeTip(slot);
  }

  private placeTip(slot: number): void {
    const minute = this.active === undefined ? undefined : this.minutes[this.active];
    this.tip.hidden = minute === undefined;
    if (!minute || this.active === undefined) return;
    setText(this.tip, describe(minute));
    const middle = MARGIN.left + (this.active + 0.5) * slot;
    const half = this.tip.offsetWidth / 2;
    this.tip.style.left = `${Math.min(Math.max(middle, half), Math.max(half, this.width - half))}px`;
  }
}

function sum(minute: Minute): number {
  return minute.accepted + minute.duplicates + minute.rejected;
}

function describe(minute: Minute): string {
  const rest = [
    minute.duplicates > 0 ? `, ${count(minute.duplicates)} duplicate` : "",
    minute.rejected > 0 ? `, ${count(minute.rejected)} rejected` : "",
  ].join("");
  return `${clock(minute.minute)} UTC: ${count(minute.accepted)} accepted${rest}`;
}

function hatch(): SVGElement {
  return svg(
    "defs",
    {},
    svg(
      "pattern",
      { id: "running", width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      svg("rect", { class: "hatch", width: 2.5, height: 5 }),
    ),
  );
}
