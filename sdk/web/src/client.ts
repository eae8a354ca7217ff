import type { Footfall, Options, PageData } from "./api";
import { createEngagement } from "./engagement";
import type { Data, FootfallEvent } from "./event";
import { listen } from "./guard";
import { scalar, scalars, text } from "./json";
import { watchLinks } from "./links";
import { isOn } from "./options";
import { currentPage, watchNavigation } from "./page";
import { recallOptOut, rememberOptOut } from "./privacy";
import { createQueue, Stage } from "./queue";
import { uuid } from "./uuid";

/** Set from package.json by the build. */
declare const VERSION: string;

export interface Client {
  methods_: Footfall;
  /** Watches the page. The first call of a method that sends counts the page that the browser came to. */
  start_(): void;
}

/** Counts the page. Touches nothing before `start_`, so that it can be made where there is no page. */
export function createClient(options: Options): Client {
  const auto = isOn(options.auto);
  const hash = isOn(options.hash ?? false);
  const local = options.storage == "local";
  let out = local && recallOptOut();
  let user: string | undefined;
  /** As the contract has it; undefined until the page says. */
  let consent: string | undefined;
  let fresh = auto;
  /** The pageview of what is being looked at. */
  let view: FootfallEvent | undefined;
  /** The title that the site gave for it. */
  let title: string | undefined;
  let referrer: string;

  // Frameworks set the title after the address, so it is read as late as can be: when the view is sent, or ends.
  const refreshTitle = (): void => {
    if (view && !view.sent_at) view.data["title"] = text(title ?? document.title);
  };
  const queue = createQueue(options.endpoint || "/api/v1/events", refreshTitle);

  // Without prototypes: a toJSON that a library put on Object.prototype is not for what is sent.
  const make = (type: string, data: Data): FootfallEvent =>
    ({
      __proto__: null,
      event_id: uuid(),
      type,
      tracking_id: options.site,
      user_id: user,
      data: { __proto__: null, page: view?.data["page"], ...data, timestamp: Date.now() },
      context: {
        __proto__: null,
        // Without the fragment, which may hold what is nobody's business, such as the token of a sign-in.
        url: view?.context["url"] || location.href.split("#")[0],
        screen: screen.width + "x" + screen.height,
        viewport: innerWidth + "x" + innerHeight,
        language: navigator.language,
        timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
        sdk: `web/${VERSION}`,
        consent,
      },
    }) as object as FootfallEvent;

  const add = (event: FootfallEvent): void => {
    if (!out) queue.add_(event);
  };

  const ping = (): void => {
    const news = view && engagement.news_();
    if (news) add(make("ping", { pageview_id: view!.event_id, ...news }));
  };
  const engagement = createEngagement(ping);

  const count = (page?: string, given?: PageData): void => {
    ping();
    refreshTitle();
    engagement.restart_();
    title = given?.title;
    view = undefined;
    view = make("pageview", { page: text(page ?? currentPage(hash)), referrer: text(given?.referrer ?? referrer) });
    add(view);
    // The next views were come to from this site.
    referrer = "";
  };

  const begin = (): void => {
    if (!fresh || out) return;
    fresh = false;
    count();
    if (document.querySelector("[data-404]")) act({ name: "404", non_interactive: true });
  };

  /** An event comes after the view of its page, since a session is attributed by what came first. */
  const act = (data: Data): void => {
    begin();
    add(make("event", data));
  };

  const choose = (leaves: boolean): void => {
    out = leaves;
    if (local) rememberOptOut(out);
    if (out) {
      view = undefined;
      queue.clear_();
    } else begin();
  };

  const leave = (stage: Stage): void => {
    ping();
    void queue.send_(stage);
  };

  return {
    start_() {
      referrer = document.referrer;
      engagement.start_();
      if (auto && isOn(options.spa)) watchNavigation(hash, () => count());
      watchLinks(isOn(options.outbound), isOn(options.downloads), (name, url) => act({ name, properties: scalars({ url }) }));
      listen("visibilitychange", () => {
        if (document.hidden) leave(Stage.Hidden);
      });
      listen("pagehide", () => {
        leave(Stage.Ends);
        view = undefined;
      });
      listen<PageTransitionEvent>("pageshow", ({ persisted }) => {
        if (persisted && auto) {
          count();
          void queue.send_();
        }
      });
      listen("online", queue.online_);
    },
    methods_: {
      trackPageView(page, data) {
        begin();
        count(page, data);
      },
      trackEvent(category, action, label, value) {
        act({ category: text(category), action: text(action), label: text(label), value: value && +scalar(value)! });
      },
      track(name, properties, given) {
        const { revenue, currency, nonInteractive } = given || {};
        act({
          name: text(name),
          properties: scalars(properties),
          revenue: scalar(revenue),
          currency: text(currency),
          // The server takes nothing but a boolean.
          non_interactive: nonInteractive ? isOn(nonInteractive) : undefined,
        });
      },
      identify(userId, traits) {
        user = text(userId);
        if (user) add(make("identify", { user_id: user, traits: scalars(traits) }));
      },
      consent(given) {
        consent = given ? "granted" : "denied";
      },
      flush() {
        begin();
        void queue.send_();
      },
      optOut: () => choose(true),
      optIn: () => choose(false),
    },
  };
}
