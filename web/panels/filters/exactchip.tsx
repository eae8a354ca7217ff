import { Icon } from "../../ui/icons";

/** That all numbers are counted one by one, as a member of the list of filters. */
export function ExactChip({ onLeave }: { onLeave: () => void }) {
    return (
        <li class="chip">
            <span>Counted exactly</span>
            <button type="button" class="chip-close" aria-label="Do not count exactly" onClick={onLeave}>
                <Icon name="close" size={12} />
            </button>
        </li>
    );
}
