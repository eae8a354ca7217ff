import type { Query } from "../lib/query";
import { tabOfDimension } from "../panels/filters/names";
import { byVisitors, narrowed, rankingQuery, searched, valueOfRow } from "../panels/ranking/spec";
import { useAnswer, useSettled } from "./answer";

const KNOWN_MAX = 200;
const TYPING_MS = 250;

/** The values of a dimension that the view has, most visitors first; of those beyond the first some hundred, what matches the text. Undefined asks
 *  nothing. */
export function useKnown(dimension: string | undefined, base: Query, typed: string): { value: string; name: string }[] {
  const { within: _, only: __, ...tab } = tabOfDimension(dimension ?? "") ?? byVisitors(dimension ?? "", "", "", "(none)");
  const text = useSettled(typed.trim(), TYPING_MS);
  const query = rankingQuery(tab, base, KNOWN_MAX);
  const first = useAnswer(dimension === undefined ? undefined : query).answer;
  const isCut = (first?.rows.length ?? 0) >= KNOWN_MAX;
  const found = useAnswer(isCut && text !== "" ? narrowed(query, searched(tab, text)) : undefined).answer;
  const rows = [...(first?.rows ?? []), ...(isCut && text !== "" ? (found?.rows ?? []) : [])];
  const isSame = first?.columns[0]?.name === dimension;
  return isSame ? [...new Set(rows.map((row) => valueOfRow(tab, row)))].map((value) => ({ value, name: tab.nameOf(value) })) : [];
}
