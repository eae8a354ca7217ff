import { safeLink } from "../../lib/url";
import { byVisitors, type Ranking, type RankingTab } from "../ranking/spec";

const DIRECT = "Direct or unknown";

/** What links say of themselves; most say nothing. */
function byUtm(dimension: string, label: string, column: string): RankingTab {
  return byVisitors(dimension, label, column, "(none)", {
    only: { dimension, operator: "is_set", values: [] },
    empty: `No ${column.toLowerCase()} in this period: links with utm_${dimension} show up here`,
  });
}

export const sources: Ranking = {
  id: "sources",
  title: "Sources",
  tabs: [
    byVisitors("source", "Sources", "Source", DIRECT),
    byVisitors("channel", "Channels", "Channel", DIRECT),
    byVisitors("referrer", "Referrers", "Referrer", DIRECT, {
      linkOf: safeLink,
      nameOf: (value) => value.replace(/^https?:\/\/(www\.)?/, "").replace(/\/$/, "") || DIRECT,
    }),
    byUtm("campaign", "Campaigns", "Campaign"),
    byUtm("medium", "Mediums", "Medium"),
    byUtm("term", "Terms", "Term"),
    byUtm("content", "Contents", "Content"),
  ],
  shown: 4,
};
