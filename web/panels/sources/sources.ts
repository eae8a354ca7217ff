import { safeLink } from "../../lib/url";
import { byVisitors, type Ranking } from "../ranking/spec";

const DIRECT = "Direct or unknown";

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
    byVisitors("campaign", "Campaigns", "Campaign", "(none)", {
      only: { dimension: "campaign", operator: "is_set", values: [] },
      empty: "No campaign in this period: links with utm_campaign show up here",
    }),
  ],
};
