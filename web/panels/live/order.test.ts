import { deepEqual } from "node:assert/strict";
import test from "node:test";

import { steady } from "./order";

test("rows keep their places while somebody points at them, and new ones come below", () => {
  deepEqual(
    steady(
      ["/a", "/b", "/c"],
      [
        { name: "/new", visitors: 9 },
        { name: "/c", visitors: 5 },
        { name: "/a", visitors: 1 },
      ],
    ),
    [
      { name: "/a", visitors: 1 },
      { name: "/b", visitors: 0 },
      { name: "/c", visitors: 5 },
      { name: "/new", visitors: 9 },
    ],
  );
});
