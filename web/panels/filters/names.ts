import { sentence } from "../../lib/format";
import { devices } from "../devices/devices";
import { events } from "../events/events";
import { locations } from "../locations/places";
import { pages } from "../pages/pages";
import { sources } from "../sources/sources";

const tabs = new Map([pages, sources, locations, devices, events].flatMap((ranking) => ranking.tabs).map((tab) => [tab.dimension, tab]));

/** A filter says what the panel says from which it came. */
export function nameOfDimension(dimension: string): string {
  return tabs.get(dimension)?.column ?? sentence(dimension.replace("property:", ""));
}

export function nameOfValue(dimension: string, value: string): string {
  return tabs.get(dimension)?.nameOf(value) ?? (value || "(none)");
}
