/** What a property or trait may hold. Anything else is sent as its text; null and undefined are left out. */
export type Scalar = string | number | boolean | null | undefined;

export interface Options {
  /** The site's id, as `footfall site add` printed it. */
  site: string;
  /** Where events go. Default: /api/v1/events of the script's own origin; of the page's origin in the npm package. */
  endpoint?: string | undefined;
  /** Count the page view at the start, and those of `spa`. Default true; false leaves all of them to trackPageView. */
  auto?: boolean | undefined;
  /** Count navigation by the History API. Default true. */
  spa?: boolean | undefined;
  /** Routes live in the URL's fragment: `#/settings` is the page /settings. Default false. */
  hash?: boolean | undefined;
  /** Count clicks on links to other hosts. Default true. */
  outbound?: boolean | undefined;
  /** Count clicks on links to files. Default true. */
  downloads?: boolean | undefined;
  /** "local": remember a visitor's optOut() in localStorage. Default: nothing is ever stored, and optOut() holds until the page is left. */
  storage?: string | undefined;
  /** Send nothing for a browser that asks for that, by Global Privacy Control (GPC) or Do Not Track (DNT). Default true. */
  respectDnt?: boolean | undefined;
  /** Tell the console what is sent, answered, refused or failed. Default false. */
  debug?: boolean | undefined;
}

export interface PageData {
  title?: string;
  referrer?: string;
}

export interface EventOptions {
  /** A decimal as text ("19.90"), which stays exact, or a number. */
  revenue?: string | number;
  /** ISO 4217: "EUR". */
  currency?: string;
  /** Does not turn a bounce into an engaged session. */
  nonInteractive?: boolean;
}

/** No method ever throws, whatever it is given, and none waits. */
export interface Footfall {
  /** Counts a view of `page` (a path, with or without query), or of the page where the browser is. */
  trackPageView(page?: string, data?: PageData): void;
  trackEvent(category: string, action: string, label?: string, value?: number): void;
  track(name: string, properties?: Record<string, Scalar>, options?: EventOptions): void;
  /** Later events carry `userId`; null ends that. */
  identify(userId: string | number | null, traits?: Record<string, Scalar>): void;
  /** Later events say that the visitor consented, or did not: `context.consent`. What becomes of them is the site's setting. */
  consent(given: boolean): void;
  /** Sends what waits, unless the server asked for patience. */
  flush(): void;
  /** From now on nothing is sent, and what waited is dropped. At later visits too where `storage` is "local". */
  optOut(): void;
  optIn(): void;
}

export type Init = (options: Options) => Footfall;
