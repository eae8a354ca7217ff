import type { Days } from "../app/state";
import { Dialog } from "../ui/dialog";
import { Field, Form, useSending } from "../ui/form";
import { ApiError } from "../lib/api";

/** Two days of the site's calendar, both included. */
export default function Dates({
    title,
    days,
    today,
    onChoose,
    onClose,
}: {
    title: string;
    days: Days;
    today: string;
    onChoose: (days: Days) => void;
    onClose: () => void;
}) {
    const sending = useSending(["from", "to"], async ({ from = "", to = "" }) => {
        if (to < from) throw new ApiError("The last day is before the first.", 400, "", "to");
        onChoose({ from, to });
    });
    return (
        <Dialog title={title} onClose={onClose}>
            <Form sending={sending} button="Show">
                <div class="two">
                    <Field label="First day" name="from" type="date" value={days.from} max={today} error={sending.errorOf("from")} />
                    <Field label="Last day" name="to" type="date" value={days.to} max={today} error={sending.errorOf("to")} />
                </div>
            </Form>
        </Dialog>
    );
}
