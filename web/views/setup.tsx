import { useState } from "preact/hooks";

import { go } from "../app/location";
import { ask } from "../app/session";
import { setUp } from "../lib/api";
import { takeToken } from "../lib/token";
import { Field, Form, useSending } from "../ui/form";
import { Link } from "../ui/link";

export default function SetUp() {
    const [token] = useState(takeToken);
    const sending = useSending(["email", "password"], async ({ email = "", password = "" }) => {
        await setUp({ token: token ?? "", email, password });
        go("/", { replace: true });
        await ask();
    });
    if (!token)
        return (
            <div class="card narrow">
                <h1>Set up</h1>
                <p>
                    The first account is made by a one-time link. <code>footfall serve</code> prints it when it starts and nobody has an account: open
                    it as it was printed, with all that follows the <code>#</code>.
                </p>
                <p>
                    <Link href="/sign-in">There is an account already</Link>
                </p>
            </div>
        );
    return (
        <div class="card narrow">
            <h1>Make the first account</h1>
            <p class="quiet">It owns this server: it may add sites and other people.</p>
            <Form sending={sending} button="Make the account">
                <Field label="Email" name="email" type="email" autocomplete="username" autofocus error={sending.errorOf("email")} />
                <Field
                    label="Password"
                    name="password"
                    type="password"
                    autocomplete="new-password"
                    minLength={8}
                    hint="8 characters or more."
                    error={sending.errorOf("password")}
                />
            </Form>
        </div>
    );
}
