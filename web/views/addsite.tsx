import { useState } from "preact/hooks";

import { go, sitePath } from "../app/location";
import { ask } from "../app/session";
import { mayAdd } from "../app/shell";
import { addSite, type Session } from "../lib/api";
import { domainOf } from "../lib/snippet";
import { Field, Form, useSending } from "../ui/form";

export default function AddSite({ session }: { session: Session }) {
    const [zones] = useState(() => Intl.supportedValuesOf("timeZone"));
    const sending = useSending(["name", "domain", "timezone"], async ({ name = "", domain = "", timezone = "" }) => {
        const host = domainOf(domain);
        const site = await addSite({ name: name.trim() || host, domain: host, timezone });
        await ask();
        go(sitePath(site.id));
    });
    if (!mayAdd(session))
        return (
            <div class="card narrow">
                <h1>{session.sites.length === 0 ? "There is no site yet" : "Add a site"}</h1>
                <p>Sites are added by an owner or an admin, and you are {session.user.role === "editor" ? "an editor" : "a viewer"}.</p>
            </div>
        );
    return (
        <div class="card narrow">
            <h1>{session.sites.length === 0 ? "Add your first site" : "Add a site"}</h1>
            <p class="quiet">The next page shows the line to put into yours, and waits for the first visit.</p>
            <Form sending={sending} button="Add the site">
                <Field label="Domain" name="domain" placeholder="example.org" autocomplete="off" autofocus error={sending.errorOf("domain")} />
                <Field
                    label="Name"
                    name="name"
                    placeholder="Example"
                    autocomplete="off"
                    optional
                    hint="As it is listed here; the domain, if you leave it empty."
                    error={sending.errorOf("name")}
                />
                {/* The browser's own zone is a guess at the owner's, to be corrected by them; from then on only the site's counts. */}
                <Field
                    label="Time zone"
                    name="timezone"
                    list="zones"
                    autocomplete="off"
                    value={Intl.DateTimeFormat().resolvedOptions().timeZone}
                    hint="Days begin at its midnight."
                    error={sending.errorOf("timezone")}
                />
                <datalist id="zones">
                    {zones.map((zone) => (
                        <option key={zone} value={zone} />
                    ))}
                </datalist>
            </Form>
        </div>
    );
}
