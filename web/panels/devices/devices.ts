import { sentence } from "../../lib/format";
import { byVisitors, type Ranking } from "../ranking/spec";

export const devices: Ranking = {
  id: "devices",
  title: "Devices",
  tabs: [
    byVisitors("device_type", "Types", "Device", "Unknown", { nameOf: (value) => (value === "tv" ? "TV" : sentence(value) || "Unknown") }),
    byVisitors("browser", "Browsers", "Browser", "Unknown"),
    byVisitors("os", "Systems", "Operating system", "Unknown"),
  ],
};
