import { useRef, useState } from "preact/hooks";

/** Text to take along. Without leave to write to the clipboard (plain http on another machine) it is selected instead. */
export function CopyBlock({ text, label, button = "Copy" }: { text: string; label: string; button?: string }) {
    const code = useRef<HTMLPreElement>(null);
    const [done, setDone] = useState("");
    async function copy(): Promise<void> {
        try {
            await navigator.clipboard.writeText(text);
            setDone("Copied");
        } catch {
            if (code.current) getSelection()?.selectAllChildren(code.current);
            setDone("Selected: press Ctrl+C");
        }
    }
    return (
        <div class="copy">
            <pre ref={code} tabIndex={0} role="region" aria-label={label}>
                <code>{text}</code>
            </pre>
            <div class="copy-foot">
                <button type="button" class="button" onClick={() => void copy()}>
                    {button}
                </button>
                <span role="status" class="quiet">
                    {done}
                </span>
            </div>
        </div>
    );
}
