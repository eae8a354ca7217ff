import { useRef, useState } from "preact/hooks";

import { leave } from "../app/shell";
import { changePassword, type Session } from "../lib/api";
import { Field, Form, useSending } from "../ui/form";

export default function Account({ session }: { session: Session }) {
    const [changed, setChanged] = useState(false);
    const form = useRef<HTMLDivElement>(null);
    const sending = useSending(["current", "new"], async (values) => {
        setChanged(false);
        await changePassword({ current: values["current"] ?? "", new: values["new"] ?? "" });
        form.current?.querySelector("form")?.reset();
        setChanged(true);
    });
    return (
        <div class="narrow stack">
            <h1>Account</h1>
            <section class="card">
                <dl class="facts">
                    <div>
                        <dt>Email</dt>
                        <dd>{session.user.email}</dd>
                    </div>
                    <div>
                        <dt>Role</dt>
                        <dd>{session.user.role}</dd>
                    </div>
                </dl>
                <button type="button" class="button" onClick={() => void leave()}>
                    Sign out
                </button>
            </section>
            <section class="card" aria-labelledby="password-title">
                <h2 id="password-title">Change the password</h2>
                <p class="quiet">Every other browser that is signed in as you is signed out.</p>
                <div ref={form}>
                    <Form sending={sending} button="Change">
                        <input type="email" name="email" value={session.user.email} autocomplete="username" hidden readOnly />
                        <Field
                            label="Current password"
                            name="current"
                            type="password"
                            autocomplete="current-password"
                            error={sending.errorOf("current")}
                        />
                        <Field
                            label="New password"
                            name="new"
                            type="password"
                            autocomplete="new-password"
                            minLength={8}
                            hint="8 characters or more."
                            error={sending.errorOf("new")}
                        />
                    </Form>
                </div>
                <p role="status" class="good">
                    {changed ? "The password is changed." : ""}
                </p>
            </section>
        </div>
    );
}
