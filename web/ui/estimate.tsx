import { errorSentence, halfText, type Sureness } from "../lib/confidence";
import { type Unit, whole } from "../lib/metrics";
import type { Meta } from "../lib/query";

interface Props {
    unit: Unit;
    value: number | null;
    /** The value as it is shown; whole it is in the title. */
    text: string;
    meta: Meta | undefined;
    sureness: Sureness;
    class?: string;
}

/** A number of a table, and, of an estimate, that it is one and how far it may be off. */
export function NumberCell({ unit, value, text, meta, sureness, class: name }: Props) {
    if (sureness === undefined || value === null)
        return (
            <td class={name} title={whole(unit, value)}>
                {text}
            </td>
        );
    const sure = errorSentence(unit, meta, sureness);
    return (
        <td class={name ? `estimate ${name}` : "estimate"} title={`${whole(unit, value)}; ${sure}`}>
            <span aria-hidden="true">{"\u2248"}</span>
            {text}
            <span class="visually-hidden">, {sure}</span>
            {/* For whoever is at the row; in the title it waits. */}
            {sureness && (
                <small class="estimate-error" aria-hidden="true">
                    {halfText(unit, sureness)}
                </small>
            )}
        </td>
    );
}
