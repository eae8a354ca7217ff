import { visible } from "../../lib/format";
import type { Ranking } from "../ranking/spec";

const METRICS = [
  { name: "events", label: "Times" },
  { name: "visitors", label: "Visitors" },
];

export const events: Ranking = {
  id: "events",
  title: "Events",
  tabs: [
    {
      dimension: "event_name",
      label: "Events",
      column: "Event",
      metrics: METRICS,
      details: METRICS,
      only: { dimension: "event_name", operator: "is_set", values: [] },
      nameOf: (value) => visible(value, "(no name)"),
      empty: "No custom events in this period",
    },
  ],
};
