import type { Step } from "../lib/step";
import { Icon } from "../ui/icons";
import { KINDS, nameOfStep, StepMore, textOfStep } from "./step";

interface Props {
    id: string;
    label: string;
    hint: string;
    /** What holds without a step. */
    without: string;
    step: Step | undefined;
    error: string;
    onOpen: () => void;
    onClear: () => void;
}

/** A part of a question that may be a step. */
export function StepField({ id, label, hint, without, step, error, onOpen, onClear }: Props) {
    const name = step ? nameOfStep(step) : without;
    return (
        <div class="field">
            <p class="field-name" id={`${id}-name`}>
                {label}
            </p>
            <div class={error ? "step-row wrong" : "step-row"}>
                <button
                    type="button"
                    class="step-value"
                    id={id}
                    title={step ? textOfStep(step) : name}
                    aria-haspopup="dialog"
                    aria-labelledby={`${id}-name ${id}`}
                    aria-describedby={error ? `${id}-error` : undefined}
                    onClick={onOpen}
                >
                    {step && <span class="quiet">{KINDS[step.of]} </span>}
                    <span class="cut">{name}</span>
                    {step && <StepMore step={step} />}
                </button>
                {step && (
                    <button
                        type="button"
                        class="icon-button"
                        aria-label={`${label} ${without.toLowerCase()}`}
                        onClick={() => {
                            onClear();
                            document.getElementById(id)?.focus();
                        }}
                    >
                        <Icon name="close" size={12} />
                    </button>
                )}
            </div>
            {error ? (
                <p class="field-error" id={`${id}-error`} role="alert">
                    {error}
                </p>
            ) : (
                <p class="hint">{hint}</p>
            )}
        </div>
    );
}
