import type { View } from "../app/state";
import { count, visible } from "../lib/format";
import { rateText } from "../lib/funnel";
import { neighboursOf, type PathNode, type PathsAnswer, shareOfAll } from "../lib/paths";
import type { Step } from "../lib/step";
import { Dialog } from "../ui/dialog";
import { Facts } from "../ui/facts";

export const OTHERS = "All others";

/** Of blanks nothing can be seen. */
export function nameOfNode({ value, kind }: Pick<PathNode, "value" | "kind">): string {
    if (value === null) return OTHERS;
    return visible(value, kind === "event" ? "(no name)" : "(blank)");
}

/** "Step 2", or of paths to a step how far before it. */
export function nameOfDepth(depth: number, isBackwards: boolean): string {
    if (!isBackwards) return depth === 1 ? "Start" : `Step ${depth}`;
    return depth === 1 ? "End" : depth === 2 ? "1 step before" : `${depth - 1} steps before`;
}

export const endedText = (isBackwards: boolean): string => (isBackwards ? "began here" : "left here");

interface Props {
    answer: PathsAnswer;
    depth: number;
    index: number;
    isBackwards: boolean;
    /** Of what gets the focus where the node is gone. */
    backTo: string;
    onChoose: (change: Pick<View, Side>) => void;
    onClose: () => void;
}

type Side = "from" | "to";

/** What is known of a node of a path, and the paths that start or end there. */
export function NodeDialog({ answer, depth, index, isBackwards, backTo, onChoose, onClose }: Props) {
    const node = answer.steps[depth - 1]?.nodes[index];
    if (!node) return null;
    const step: Step | undefined = node.value && node.kind ? { of: node.kind, value: node.value } : undefined;
    const facts: [string, string][] = [
        ["Place", nameOfDepth(depth, isBackwards)],
        ["Sessions", `${count(node.sessions)}, ${rateText(shareOfAll(node.sessions, answer.sessions))} of all`],
        [isBackwards ? "Began here" : "Left here", `${count(node.ended)}, ${rateText(shareOfAll(node.ended, node.sessions))}`],
    ];
    const [next, before] = (["next", "before"] as const).map((which) => neighboursOf(answer, depth, index, which));
    const [went, came] = isBackwards ? [before, next] : [next, before];
    return (
        <Dialog title={nameOfNode(node)} backTo={backTo} onClose={onClose}>
            <Facts facts={facts} />
            {step && (
                <div class="dialog-actions">
                    <button type="button" class="button" onClick={() => onChoose({ from: step, to: undefined })}>
                        Paths that start here
                    </button>
                    <button type="button" class="button" onClick={() => onChoose({ from: undefined, to: step })}>
                        Paths that end here
                    </button>
                </div>
            )}
            <Neighbours title="Came from" nodes={came ?? []} all={node.sessions} />
            <Neighbours title="Went on to" nodes={went ?? []} all={node.sessions} />
        </Dialog>
    );
}

function Neighbours({ title, nodes, all }: { title: string; nodes: readonly PathNode[]; all: number }) {
    if (nodes.length === 0) return null;
    return (
        <table class="plain neighbours">
            <thead>
                <tr>
                    <th scope="col">{title}</th>
                    <th scope="col">Sessions</th>
                    <th scope="col">%</th>
                </tr>
            </thead>
            <tbody>
                {nodes.map((node, at) => (
                    <tr key={at}>
                        <th scope="row">{nameOfNode(node)}</th>
                        <td>{count(node.sessions)}</td>
                        <td class="quiet">{rateText(shareOfAll(node.sessions, all))}</td>
                    </tr>
                ))}
            </tbody>
        </table>
    );
}
