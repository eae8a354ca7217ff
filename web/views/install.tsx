import type { LiveState } from "../app/live";
import type { Site } from "../lib/api";
import { reachOf, snippet } from "../lib/snippet";
import { CopyBlock } from "../ui/copy";

/** Under its own name curl is a bot, whose visits are left out. */
const BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

/** A site without a single event: how to send the first one. It goes by itself when that is here. */
export default function Install({ site, live, origin = location.origin }: { site: Site; live: LiveState; origin?: string }) {
    return (
        <section class="card install" aria-labelledby="install-title">
            <h2 id="install-title">Put one line into your pages</h2>
            <p>
                Nothing has come from <strong>{site.domain}</strong> yet. Copy this line into the <code>&lt;head&gt;</code> of every page:
            </p>
            <Reachable origin={origin} />
            <CopyBlock text={snippet(origin, site.id)} label="The line to install" button="Copy the line" />
            <p class="waiting" role="status">
                <span class={live.state === "off" ? "pulse still" : "pulse"} aria-hidden="true" />
                {live.state === "off" ? "Asking every few seconds for the first visit" : "Waiting for the first visit"}&hellip;
            </p>
            <details>
                <summary>Nothing comes?</summary>
                <ul>
                    <li>
                        Open one of your pages yourself, in a browser without an ad blocker and without Do Not Track: the script sends nothing then.
                    </li>
                    <li>
                        Its address must be reachable: <code>{origin}/footfall.js</code> should show the script.
                    </li>
                    <li>
                        Or send a visit by hand:
                        <CopyBlock
                            label="A command that sends one visit"
                            text={`curl ${origin}/api/v1/events --user-agent '${BROWSER}' \\\n  --data '{"type": "pageview", "tracking_id": "${site.id}", "data": {"page": "/hello"}}'`}
                        />
                    </li>
                </ul>
            </details>
        </section>
    );
}

/** The line has the address of this page, and the script is looked for there by every visitor's browser. */
function Reachable({ origin }: { origin: string }) {
    const reach = reachOf(origin);
    if (reach === "all") return null;
    const way =
        reach === "plain" ? (
            <>
                Browsers do not load a script by <code>http</code> into a page that is served by <code>https</code>.
            </>
        ) : (
            <>
                <code>{origin}</code> leads nowhere {reach === "machine" ? "but on this machine" : "outside of its own network"}, so the visitors of
                a public site will not be counted.
            </>
        );
    return (
        <div class="note" role="note">
            <p>
                <strong>{reach === "plain" ? "Only pages without https can use this line." : "Your visitors cannot reach this address."}</strong> {way}
            </p>
            <p>
                Put a reverse proxy with TLS and a public name in front of Footfall (docs/operations.md, "Behind a reverse proxy"; <code>http.trusted_proxies</code>
                {" "}names one on another machine), and open this page under that name: the line then has it.
                {reach === "network" && " Within the network the line works as it is."}
                {reach === "machine" && " For pages that you try out on this machine the line works as it is."}
            </p>
        </div>
    );
}
