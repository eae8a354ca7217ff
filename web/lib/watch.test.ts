import { equal } from "node:assert/strict";
import test from "node:test";

import { watch } from "./watch";

/** A page whose clock, timer and visibility the test moves. */
function page() {
  const state = { hidden: false, nowMs: 0, looks: 0, tick: () => undefined as void, change: () => undefined as void, ended: 0 };
  const end = watch(() => (state.looks += 1), 30_000, {
    hidden: () => state.hidden,
    now: () => state.nowMs,
    every: (run) => {
      state.tick = run;
      return () => (state.ended += 1);
    },
    onVisibility: (changed) => {
      state.change = changed;
      return () => (state.ended += 1);
    },
  });
  return { state, end };
}

test("a seen page looks at every turn, a hidden one at none", () => {
  const { state, end } = page();
  state.tick();
  equal(state.looks, 1);
  state.hidden = true;
  state.tick();
  state.change();
  equal(state.looks, 1);
  end();
  equal(state.ended, 2);
});

test("a page that is seen again looks at once, unless it has just looked", () => {
  const { state } = page();
  state.nowMs = 4_999;
  state.change();
  equal(state.looks, 0);
  state.nowMs = 5_000;
  state.change();
  state.change();
  equal(state.looks, 1);
});
