import { listen } from "./guard";

const FILES = /\.(7z|apk|csv|dmg|docx?|epub|exe|iso|mp[34]|msi|pdf|pkg|pptx?|rar|t?gz|xlsx?|zip)$/i;

/** Calls `clicked` for a click, of any button that opens it, on a link that leaves the site or that leads to a file. */
export function watchLinks(outbound: boolean, downloads: boolean, clicked: (name: string, url: string) => void): void {
  const look = (event: MouseEvent): void => {
    // The right button opens a menu.
    if (event.button > 1) return;
    // The path crosses shadow trees: a link in one, and one around a component. Links of SVG have no host, mailto: and the like an empty one.
    const link = (event.composedPath() as HTMLAnchorElement[]).find(({ href, host }) => href && host);
    if (!link) return;
    if (FILES.test(link.pathname) || link.hasAttribute("download")) {
      if (downloads) clicked("File Download", link.href);
    } else if (outbound && link.host != location.host) clicked("Outbound Link: Click", link.href);
  };
  listen("click", look);
  listen("auxclick", look);
}
