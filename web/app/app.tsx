import { useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { Failure } from "../ui/states";
import { lazy } from "../ui/lazy";
import Dashboard from "../views/dashboard";
import { go, path, rejectedIn, siteIn, sitePath, view } from "./location";
import { ask, session } from "./session";
import { Shell } from "./shell";
import type { Page } from "./state";

const SignIn = lazy(() => import("../views/signin"));
const SetUp = lazy(() => import("../views/setup"));
const Account = lazy(() => import("../views/account"));
const AddSite = lazy(() => import("../views/addsite"));
const Rejected = lazy(() => import("../views/rejected"));

/** What stands before the site's name in the window's title. */
const TITLES: Record<Page, string> = {
    board: "",
    live: "",
    funnel: "Funnel \u00b7 ",
    retention: "Retention \u00b7 ",
    paths: "Paths \u00b7 ",
    goals: "Goals \u00b7 ",
};

export function App() {
    useEffect(() => void ask(), []);
    useSignalEffect(() => {
        const { theme } = view.value;
        if (theme === "auto") delete document.documentElement.dataset["theme"];
        else document.documentElement.dataset["theme"] = theme;
    });

    const at = path.value;
    const state = session.value;
    if (at === "/setup" && state.state !== "in")
        return (
            <Shell session={undefined} title="Set up">
                <SetUp />
            </Shell>
        );
    if (state.state === "asking" && at !== "/sign-in")
        return (
            <Shell session={undefined} title="Loading">
                <h1 class="visually-hidden">Loading</h1>
            </Shell>
        );
    if (state.state === "failed")
        return (
            <Shell session={undefined} title="No answer">
                <div class="card narrow">
                    <h1>No answer</h1>
                    <Failure problem={{ code: "", message: state.message }} what="This page" onRetry={() => void ask()} />
                </div>
            </Shell>
        );
    // Signing in does not leave the address: what was asked for is there afterwards.
    if (state.state !== "in")
        return (
            <Shell session={undefined} title="Sign in">
                <SignIn expired={state.state === "out" && state.expired} />
            </Shell>
        );

    const whole = state.session;
    if (at === "/account")
        return (
            <Shell session={whole} title="Account">
                <Account session={whole} />
            </Shell>
        );
    if (at === "/add-site")
        return (
            <Shell session={whole} title="Add a site">
                <AddSite session={whole} />
            </Shell>
        );
    const rejectedOf = rejectedIn(at);
    const siteId = rejectedOf ?? siteIn(at);
    const site = whole.sites.find(({ id }) => id === siteId);
    if (site && rejectedOf !== undefined)
        return (
            <Shell session={whole} siteId={site.id} title="Rejected events">
                <Rejected key={site.id} session={whole} site={site} />
            </Shell>
        );
    if (site)
        return (
            <Shell session={whole} siteId={site.id} hasViews={view.value.page !== "live"} title={`${TITLES[view.value.page]}${site.name}`}>
                <Dashboard key={site.id} site={site} />
            </Shell>
        );
    if (siteId !== undefined)
        return (
            <Shell session={whole} siteId={siteId} title="No such site">
                <div class="card narrow">
                    <h1>No such site</h1>
                    <p>There is no site with the id '{siteId}', or you may not see it. Choose another one above.</p>
                </div>
            </Shell>
        );
    return <Forward to={whole.sites[0] ? sitePath(whole.sites[0].id) : "/add-site"} />;
}

/** An address without a view of its own. */
function Forward({ to }: { to: string }) {
    useEffect(() => go(to, { replace: true }), [to]);
    return null;
}
