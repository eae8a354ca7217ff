import { useEffect, useState } from "preact/hooks";

import { go, path } from "../app/location";
import { ask } from "../app/session";
import { ApiError, fetchStatus, setupNeeded, signIn } from "../lib/api";
import { plural } from "../lib/format";
import { takeToken } from "../lib/token";
import { watch } from "../lib/watch";
import { Field, Form, useSending } from "../ui/form";

async function enter(): Promise<void> {
    if (path.value === "/sign-in") go("/", { replace: true });
    await ask();
}

export default function SignIn({ expired }: { expired: boolean }) {
    const [token] = useState(takeToken);
    const [link, setLink] = useState<"none" | "trying" | string>(token ? "trying" : "none");
    const [unused, setUnused] = useState(false);
    const sending = useSending(["email", "password"], async ({ email = "", password = "" }) => {
        await signIn({ email, password });
        await enter();
    });

    useEffect(() => {
        setupNeeded().then(setUnused, () => undefined);
        if (!token) return;
        signIn({ token }).then(enter, (error: unknown) =>
            setLink(
                error instanceof ApiError && error.status === 401
                    ? "This link was used already, or is too old. Sign in with your password."
                    : String((error as Error).message),
            ),
        );
    }, []);

    if (link === "trying")
        return (
            <div class="card narrow">
                <h1>Signing in</h1>
                <p class="quiet" role="status">
                    By the one-time link&hellip;
                </p>
            </div>
        );
    return (
        <div class="card narrow">
            <h1>Sign in</h1>
            {expired && <p class="note">Your session has ended. Sign in to go on where you were.</p>}
            {link !== "none" && (
                <p class="form-error" role="alert">
                    {link}
                </p>
            )}
            {unused && (
                <p class="note">
                    Nobody has an account here yet. The first one is made by the one-time link that <code>footfall serve</code> printed when it
                    started.
                </p>
            )}
            <Form sending={sending} button="Sign in">
                <Field label="Email" name="email" type="email" autocomplete="username" autofocus error={sending.errorOf("email")} />
                <Field label="Password" name="password" type="password" autocomplete="current-password" error={sending.errorOf("password")} />
            </Form>
            <p class="quiet small">
                Forgotten? Whoever runs the server can set a new one with <code>footfall user password</code>, or let you in with{" "}
                <code>footfall user link</code>.
            </p>
            <ServerNow />
        </div>
    );
}

const SERVER_EVERY_MS = 5_000;

/** Whoever has just started a server sees that it is alive and what arrives, before there is an account. */
function ServerNow() {
    const [text, setText] = useState("");
    useEffect(() => {
        const look = () =>
            fetchStatus().then(
                ({ ready, minutes }) => {
                    const accepted = minutes.slice(-10).reduce((sum, minute) => sum + minute.accepted, 0);
                    setText(ready.ok ? `${plural(accepted, "event")} accepted in the last 10 minutes` : "not ready");
                },
                () => setText("does not answer"),
            );
        void look();
        return watch(() => void look(), SERVER_EVERY_MS);
    }, []);
    return (
        <p class="quiet small">
            <a href="/status">Server status</a>
            {text && `: ${text}`}
        </p>
    );
}
