import { useRef, useState } from "preact/hooks";

export interface Option {
    id: string;
    label: string;
    /** Behind it, quiet. */
    note?: string;
}

interface Props {
    id: string;
    value: string;
    placeholder: string;
    options: readonly Option[];
    /** Instead of options, where there are none. */
    nothing: string;
    error: string;
    onInput: (value: string) => void;
    onChoose: (id: string) => void;
    /** Enter, with a text and no option chosen. */
    onEnter: () => void;
    /** Backspace in an empty field. */
    onBackspace?: () => void;
    /** The list lies over what follows, and is there only while one chooses. */
    floating?: boolean;
    autofocus?: boolean;
    /** Another thing has the focus now. */
    onLeave?: () => void;
}

const SHOWN_MAX = 50;

/** A field with suggestions, as ARIA's combobox with a list: arrows move through it while the focus stays in the field, and Enter takes. The
 *  list stays, at its full height: nothing moves from under the pointer. */
export function Combobox({ id, value, placeholder, options, nothing, error, onInput, onChoose, onEnter, onBackspace, floating = false, autofocus, onLeave }: Props) {
    const [at, setAt] = useState(-1);
    const [isOpen, setOpen] = useState(!floating);
    const list = useRef<HTMLUListElement>(null);
    const shown = isOpen ? options.slice(0, SHOWN_MAX) : [];
    const active = at < shown.length ? at : -1;

    function close(): void {
        setAt(-1);
        setOpen(!floating);
    }

    function choose(option: Option): void {
        close();
        onChoose(option.id);
    }

    function move(to: number): void {
        setAt(to);
        list.current?.children[to]?.scrollIntoView({ block: "nearest" });
    }

    function onKey(event: KeyboardEvent): void {
        const chosen = shown[active];
        if (event.key === "ArrowDown" && shown.length > 0) move((active + 1) % shown.length);
        else if (event.key === "ArrowUp" && shown.length > 0) move((active <= 0 ? shown.length : active) - 1);
        else if (event.key === "ArrowDown" && !isOpen) setOpen(true);
        else if (event.key === "Enter" && chosen) choose(chosen);
        else if (event.key === "Enter" && value.trim() !== "") {
            close();
            onEnter();
        } else if (event.key === "Escape" && floating && isOpen) close();
        else {
            if (event.key === "Backspace" && value === "") onBackspace?.();
            return;
        }
        event.preventDefault();
    }

    return (
        <div class={floating ? "combobox floating" : "combobox"}>
            <input
                id={id}
                role="combobox"
                aria-expanded={shown.length > 0}
                aria-controls={`${id}-list`}
                aria-autocomplete="list"
                aria-activedescendant={active >= 0 ? `${id}-${active}` : undefined}
                aria-invalid={error ? true : undefined}
                aria-describedby={error ? `${id}-error` : undefined}
                autocomplete="off"
                autofocus={autofocus}
                placeholder={placeholder}
                value={value}
                onClick={() => setOpen(true)}
                onBlur={() => {
                    close();
                    onLeave?.();
                }}
                onInput={(event) => {
                    setAt(-1);
                    setOpen(true);
                    onInput(event.currentTarget.value);
                }}
                onKeyDown={onKey}
            />
            {error && (
                <p class="field-error" id={`${id}-error`}>
                    {error}
                </p>
            )}
            {isOpen && shown.length === 0 && <p class="options quiet small">{nothing}</p>}
            <ul class="options" id={`${id}-list`} role="listbox" aria-label="Suggestions" ref={list} hidden={shown.length === 0}>
                {shown.map((option, index) => (
                    <li
                        key={option.id}
                        id={`${id}-${index}`}
                        role="option"
                        aria-selected={index === active}
                        // The focus stays in the field.
                        onPointerDown={(event) => event.preventDefault()}
                        onClick={() => choose(option)}
                    >
                        {option.label}
                        {option.note && <small class="quiet"> {option.note}</small>}
                    </li>
                ))}
            </ul>
        </div>
    );
}
