import { countryName, languageName } from "../../lib/place";
import { byVisitors, type Ranking } from "../ranking/spec";

export const locations: Ranking = {
  id: "locations",
  title: "Locations",
  tabs: [
    byVisitors("country", "Countries", "Country", "Unknown", { nameOf: (value) => countryName(value) || "Unknown" }),
    byVisitors("region", "Regions", "Region", "Unknown"),
    byVisitors("city", "Cities", "City", "Unknown"),
    byVisitors("language", "Languages", "Language", "Unknown", { nameOf: (value) => languageName(value) || "Unknown" }),
  ],
};

/** There are fewer countries than this, and the map wants them all. */
export const COUNTRIES_MAX = 300;
