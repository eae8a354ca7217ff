import { deepEqual, equal } from "node:assert/strict";
import test from "node:test";

import { depthOf, draftOf, filterOfDraft, isDoing, memberAt, pathInDraft, withMember } from "./filtergroup";
import { nearest } from "./nearest";
import type { Filter, FilterGroup, FilterTree } from "./query";

const is = (value: string): Filter => ({ dimension: "page", operator: "is", values: [value] });
const [a, b, c] = [is("/a"), is("/b"), is("/c")] as [Filter, Filter, Filter];
const group = (kind: FilterGroup["group"], ...filters: FilterTree[]): FilterGroup => ({ group: kind, filters });

test("'not' around a group is one word of the draft, and the draft says the same filter again", () => {
  for (const filter of [group("or", a, b), group("and", a, group("or", b, c)), group("not", a), group("not", group("or", a, b)), group("not", group("and", a, group("not", b)))])
    deepEqual(filterOfDraft(draftOf(filter)), filter);
  // What visitors did is no "or", and a "not" around it stays one.
  for (const filter of [group("has_done", a, b), group("has_not_done", group("or", a, b)), group("not", group("has_done", a, b)), group("and", a, group("has_done", b, c))])
    deepEqual(filterOfDraft(draftOf(filter)), filter);
  equal(draftOf(group("not", group("and", a, b))).mode, "not_all");
  equal(draftOf(group("not", group("or", a, b))).mode, "none");
});

test("a draft says nothing of groups without members, and one member is that member", () => {
  equal(filterOfDraft({ mode: "any", members: [{ mode: "all", members: [] }] }), undefined);
  deepEqual(filterOfDraft({ mode: "any", members: [a, { mode: "none", members: [] }] }), a);
  deepEqual(filterOfDraft({ mode: "none", members: [a] }), group("not", a));
});

test("of one value that visitors once had there is an operator, of one condition that is more there is none", () => {
  const contains: Filter = { dimension: "page", operator: "contains", values: ["/a"] };
  deepEqual(filterOfDraft({ mode: "done", members: [a] }), { ...a, operator: "has_done" });
  deepEqual(filterOfDraft({ mode: "not_done", members: [{ mode: "any", members: [a] }] }), { ...a, operator: "has_not_done" });
  deepEqual(filterOfDraft({ mode: "not_done", members: [contains] }), group("has_not_done", contains));
  equal(filterOfDraft({ mode: "done", members: [] }), undefined);
});

test("what stands inside of a doing is in it, however deep", () => {
  const draft = draftOf(group("or", a, group("has_done", group("or", b, c), a)));
  deepEqual([isDoing(draft, []), isDoing(draft, [0]), isDoing(draft, [1]), isDoing(draft, [1, 0]), isDoing(draft, [1, 0, 1])], [false, false, true, true, true]);
});

test("a member is added, changed and taken away at its path", () => {
  const draft = draftOf(group("or", a, group("and", b, c)));
  deepEqual(filterOfDraft(withMember(draft, [1, 2], a)), group("or", a, group("and", b, c, a)));
  deepEqual(filterOfDraft(withMember(draft, [1, 0], a)), group("or", a, group("and", a, c)));
  deepEqual(filterOfDraft(withMember(draft, [0], undefined)), group("and", b, c));
  deepEqual(memberAt(draft, [1, 1]), c);
  equal(memberAt(draft, [0, 0]), undefined);
});

test("a place in the filter is one in the draft, where 'not' and its group are one", () => {
  const filter = group("or", a, group("not", group("or", b, c)), group("not", a));
  deepEqual(pathInDraft(filter, [1, 0, 1]), [1, 1]);
  deepEqual(memberAt(draftOf(filter), [1, 1]), c);
  deepEqual(pathInDraft(filter, [2, 0]), [2, 0]);
  deepEqual(pathInDraft(group("not", group("has_done", b, c)), [0, 1]), [0, 1]);
});

test("depth counts as the server does", () => {
  equal(depthOf(draftOf(group("or", a, b))), 2);
  equal(depthOf(draftOf(group("has_not_done", a, b))), 2);
  equal(depthOf(draftOf(group("not", group("or", a, b)))), 3);
  equal(depthOf(draftOf(group("or", a, group("and", b, c)))), 3);
});

test("what was nearly meant is found, and what is far from everything is not", () => {
  const near = (text: string) => nearest(text, ["country", "browser", "os"], (name) => [name]);
  equal(near("contry"), "country");
  equal(near("Coutnry"), "country");
  equal(near("brwser"), "browser");
  equal(near("plan"), undefined);
});
