import { sentence } from "../../lib/format";
import { byVisitors, type Ranking } from "../ranking/spec";

export const devices: Ranking = {
  id: "devices",
  title: "Devices",
  tabs: [
    byVisitors("device_type", "Types", "Device", "Unknown", { nameOf: (value) => (value === "tv" ? "TV" : sentence(value) || "Unknown") }),
    byVisitors("browser", "Browsers", "Browser", "Unknown"),
    byVisitors("os", "Systems", "Operating system", "Unknown"),
    byVisitors("browser_version", "Browser versions", "Browser version", "(unknown)", { within: "browser" }),
    byVisitors("os_version", "System versions", "System version", "(unknown)", { within: "os" }),
    byVisitors("screen_class", "Screens", "Screen", "Unknown", { nameOf: (value) => sentence(value) || "Unknown" }),
  ],
  shown: 3,
};
