import { show, view } from "../app/location";
import { RANGES } from "../app/state";
import { Dialog } from "../ui/dialog";

const KEYS: [keys: string[], what: string][] = [
    ...RANGES.map(({ key, label }): [string[], string] => [[key], label]),
    [["C"], "Choose the days"],
    [["\u2190", "\u2192"], "Earlier, later"],
    [["X"], "Comparison"],
    [["F"], "Add a filter"],
    [["R"], "Live view"],
    [["?"], "This list"],
];

/** What single keys do, and the switch that turns them off. */
export default function Keys({ onClose }: { onClose: () => void }) {
    return (
        <Dialog title="Keyboard shortcuts" onClose={onClose}>
            <dl class="keys">
                {KEYS.map(([keys, what]) => (
                    <div key={what}>
                        <dt>
                            {keys.map((key) => (
                                <kbd key={key}>{key}</kbd>
                            ))}
                        </dt>
                        <dd>{what}</dd>
                    </div>
                ))}
            </dl>
            <label class="switch">
                <input
                    type="checkbox"
                    checked={view.value.keys === "on"}
                    onChange={(event) => show({ keys: event.currentTarget.checked ? "on" : "off" }, { replace: true })}
                />
                Single keys work
            </label>
            <p class="hint">Turn them off where they get in the way of speech input or of other software. The address keeps it.</p>
        </Dialog>
    );
}
