import type { Ranking } from "../ranking/spec";

export const events: Ranking = {
  id: "events",
  title: "Events",
  tabs: [
    {
      dimension: "event_name",
      label: "Events",
      column: "Event",
      metrics: [
        { name: "events", label: "Times" },
        { name: "visitors", label: "Visitors" },
      ],
      only: { dimension: "event_name", operator: "is_set", values: [] },
      nameOf: (value) => value || "(no name)",
      empty: "No custom events in this period",
    },
  ],
};
