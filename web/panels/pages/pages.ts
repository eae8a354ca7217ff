import { pageLink } from "../../lib/url";
import { byVisitors, type Ranking } from "../ranking/spec";

const linkOf = (path: string, domain: string) => pageLink(domain, path);

export const pages: Ranking = {
  id: "pages",
  title: "Pages",
  tabs: [
    byVisitors("page", "Top", "Page", "(no path)", { linkOf }),
    byVisitors("entry_page", "Entry", "Entry page", "(no pageview)", { linkOf }),
    byVisitors("exit_page", "Exit", "Exit page", "(no pageview)", { linkOf }),
    byVisitors("title", "Titles", "Title", "(no title)"),
    byVisitors("hostname", "Hosts", "Host", "(unknown)"),
  ],
  shown: 3,
};
