import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";

import { ApiError, type Session, signOut } from "../lib/api";
import { type IconName, Icon, Mark } from "../ui/icons";
import { Link } from "../ui/link";
import { Menu } from "../ui/menu";
import { go, rejectedPath, show, sitePath, view } from "./location";
import { ended } from "./session";
import { DEFAULT_VIEW, type Page, type Theme, viewSearch } from "./state";

const THEMES: { theme: Theme; label: string; icon: IconName }[] = [
    { theme: "auto", label: "As the system", icon: "auto" },
    { theme: "light", label: "Light", icon: "sun" },
    { theme: "dark", label: "Dark", icon: "moon" },
];

/** Why the last attempt to sign out failed. */
const stayed = signal("");

/** Ends the session. A session that only looks ended would be open to whoever comes to this browser next. */
export async function leave(): Promise<void> {
    stayed.value = "";
    try {
        await signOut();
    } catch (error) {
        if (!(error instanceof ApiError && error.status === 401)) {
            stayed.value = error instanceof Error ? error.message : String(error);
            return;
        }
    }
    ended(false);
    go("/sign-in");
}

/** Head and foot of every page. */
export function Shell({
    session,
    siteId,
    hasViews = false,
    title,
    children,
}: {
    session: Session | undefined;
    siteId?: string | undefined;
    /** Whether the page is one of a site's views, and has links to the others. */
    hasViews?: boolean;
    title: string;
    children: ComponentChildren;
}) {
    useEffect(() => {
        document.title = `${title} \u00b7 Footfall`;
    }, [title]);
    return (
        <>
            <a
                class="skip"
                href="#main"
                onClick={(event) => {
                    event.preventDefault();
                    document.getElementById("main")?.focus();
                }}
            >
                Skip to the content
            </a>
            <header class="top">
                <Link class="brand" href="/" aria-label="Footfall, to the first site">
                    <Mark />
                    <span class={session ? "brand-name wide-only" : "brand-name"}>Footfall</span>
                </Link>
                {session && siteId !== undefined && <SiteSwitcher session={session} siteId={siteId} />}
                {hasViews && siteId !== undefined && <Views siteId={siteId} />}
                <div class="top-end">
                    <ThemeMenu />
                    {session && (
                        <Menu
                            label={`Account: ${session.user.email}`}
                            kind="icon-button"
                            align="end"
                            items={[
                                { label: "Account", note: session.user.email, run: () => go("/account") },
                                ...(mayAdd(session) ? [{ label: "Add a site", run: () => go("/add-site") }] : []),
                                ...(siteId !== undefined && session.user.role !== "viewer"
                                    ? [{ label: "Rejected events", run: () => go(rejectedPath(siteId)) }]
                                    : []),
                                { label: "Server status", run: () => location.assign("/status") },
                                { label: "Sign out", separated: true, run: () => void leave() },
                            ]}
                        >
                            <Icon name="person" />
                        </Menu>
                    )}
                </div>
            </header>
            <main id="main" tabIndex={-1}>
                {session && stayed.value && (
                    <div class="failure" role="alert">
                        <p>
                            <strong>You are still signed in.</strong> {stayed.value}
                        </p>
                        <span class="buttons">
                            <button type="button" class="button" onClick={() => void leave()}>
                                Sign out again
                            </button>
                            <button type="button" class="icon-button" aria-label="Close" onClick={() => (stayed.value = "")}>
                                <Icon name="close" />
                            </button>
                        </span>
                    </div>
                )}
                {children}
            </main>
            <footer class="foot">
                <p>
                    <a href="https://db-ip.com" rel="noopener noreferrer">
                        IP Geolocation by DB-IP
                    </a>
                </p>
                <p>{session ? `Footfall ${session.version}` : "Footfall"}</p>
            </footer>
        </>
    );
}

/** The live view is not among them: the numbers of now lead to it, and it has its own way back. */
const VIEWS: { page: Page; label: string }[] = [
    { page: "board", label: "Overview" },
    { page: "funnel", label: "Funnel" },
    { page: "retention", label: "Retention" },
    { page: "paths", label: "Paths" },
    { page: "goals", label: "Goals" },
];

function Views({ siteId }: { siteId: string }) {
    const now = view.value;
    return (
        <nav class="views" aria-label="Views">
            <ul>
                {VIEWS.map(({ page, label }) => (
                    <li key={page}>
                        <Link href={sitePath(siteId) + viewSearch({ ...now, page })} aria-current={page === now.page ? "page" : undefined}>
                            {label}
                        </Link>
                    </li>
                ))}
            </ul>
        </nav>
    );
}

export function mayAdd(session: Session): boolean {
    return session.user.role === "owner" || session.user.role === "admin";
}

function ThemeMenu() {
    const current = view.value.theme;
    const icon = THEMES.find(({ theme }) => theme === current)?.icon ?? "auto";
    return (
        <Menu
            label="Colours"
            kind="icon-button"
            align="end"
            items={THEMES.map(({ theme, label }) => ({ label, checked: theme === current, run: () => show({ theme }, { replace: true }) }))}
        >
            <Icon name={icon} />
        </Menu>
    );
}

const OF_SITE = {
    filters: DEFAULT_VIEW.filters,
    segment: undefined,
    steps: DEFAULT_VIEW.steps,
    first: undefined,
    again: undefined,
    from: undefined,
    to: undefined,
};

/** From one site to another the range and the comparison stay; filters, segment and steps are about the old one's pages. */
function SiteSwitcher({ session, siteId }: { session: Session; siteId: string }) {
    const site = session.sites.find(({ id }) => id === siteId);
    return (
        <Menu
            label={`Site: ${site?.name ?? siteId}`}
            kind="switcher"
            items={[
                ...session.sites.map(({ id, name, domain }) => ({
                    label: name,
                    note: domain,
                    checked: id === siteId,
                    run: () => go(sitePath(id) + viewSearch({ ...view.value, ...OF_SITE })),
                })),
                ...(mayAdd(session) ? [{ label: "Add a site", separated: true, run: () => go("/add-site") }] : []),
            ]}
        >
            <span class="switcher-name">{site?.name ?? siteId}</span>
            <Icon name="down" size={14} />
        </Menu>
    );
}
