import { useLayoutEffect, useRef, useState } from "preact/hooks";

import { useWidth } from "../charts/width";
import { count, narrow, plural } from "../lib/format";
import { rateText } from "../lib/funnel";
import { type Band, type Box, flowOf, neighboursOf, type PathNode, type PathsAnswer, type PathStep, shareOfAll } from "../lib/paths";
import { endedText, nameOfDepth, nameOfNode } from "./node";

interface Props {
    answer: PathsAnswer;
    isBackwards: boolean;
    /** A node was chosen, by its depth and its place there. */
    onOpen: (depth: number, index: number) => void;
}

/** Where two columns of nodes have no room beside each other, the steps stand below each other. */
const CHART_WIDTH_MIN = 560;

/** Of the names of the steps above the columns. */
const HEAD_HEIGHT = 70;

type At = { depth: number; index: number } | undefined;

/** Columns of nodes, with bands between them as thick as they have sessions. */
export function Flow(props: Props) {
    const place = useRef<HTMLDivElement>(null);
    const width = useWidth(place);
    return (
        <div ref={place} class="flow-place">
            {width === 0 ? null : width < CHART_WIDTH_MIN ? <FlowList {...props} /> : <FlowChart {...props} width={width} />}
        </div>
    );
}

/** A step without a node is not drawn: no session came so far. */
const reachedOf = ({ steps }: PathsAnswer): PathStep[] => steps.filter(({ nodes }) => nodes.length > 0);

function FlowChart({ answer, isBackwards, onOpen, width }: Props & { width: number }) {
    const [at, point] = useState<At>();
    const scroller = useRef<HTMLDivElement>(null);
    // What was asked for is the end: where not all has room, that is what is seen first.
    useLayoutEffect(() => {
        const node = scroller.current;
        if (node && isBackwards) node.scrollLeft = getComputedStyle(node).direction === "rtl" ? -node.scrollWidth : node.scrollWidth;
    }, [isBackwards, answer]);
    const steps = reachedOf(answer);
    // A width is rounded: half a pixel too much would scroll.
    const flow = flowOf({ ...answer, steps }, width - 1, isBackwards);
    const inTime = isBackwards ? [...steps].reverse() : steps;
    return (
        <div class="scroll flow-scroll" ref={scroller} tabIndex={0} role="region" aria-label="Flow of sessions">
            <div class="flow" style={{ width: `${flow.width}px`, height: `${HEAD_HEIGHT + flow.height}px` }}>
                <svg class="flow-bands" width={flow.width} height={flow.height} style={{ top: `${HEAD_HEIGHT}px` }} aria-hidden="true">
                    {flow.bands.map((band) => (
                        <path
                            key={`${band.depth}-${band.source}-${band.target ?? "ended"}`}
                            class={classOf(band, at)}
                            d={band.line}
                            stroke-width={band.thickness}
                        >
                            <title>{titleOf(band, steps, isBackwards)}</title>
                        </path>
                    ))}
                </svg>
                <ol>
                    {inTime.map((step) => (
                        <li key={step.depth}>
                            <StepHead step={step} isBackwards={isBackwards} box={flow.boxes[step.depth - 1]?.[0]} />
                            <ul aria-label={nameOfDepth(step.depth, isBackwards)}>
                                {step.nodes.map((node, index) => (
                                    <li key={index} style={placed(flow.boxes[step.depth - 1]?.[index])}>
                                        <NodeButton
                                            node={node}
                                            all={answer.sessions}
                                            isBackwards={isBackwards}
                                            onPoint={(is) => point(is ? { depth: step.depth, index } : undefined)}
                                            onOpen={() => onOpen(step.depth, index)}
                                        />
                                    </li>
                                ))}
                            </ul>
                        </li>
                    ))}
                </ol>
            </div>
        </div>
    );
}

function placed(box: Box | undefined) {
    return box && { insetInlineStart: `${box.x}px`, top: `${HEAD_HEIGHT + box.y}px`, width: `${box.width}px`, height: `${box.height}px` };
}

function StepHead({ step, isBackwards, box }: { step: PathStep; isBackwards: boolean; box?: Box | undefined }) {
    return (
        <div class="flow-head" style={box && { insetInlineStart: `${box.x}px`, width: `${box.width}px` }}>
            <h3>{nameOfDepth(step.depth, isBackwards)}</h3>
            <p>{plural(step.sessions, "session")}</p>
            <p class="quiet">
                {count(step.ended)} {endedText(isBackwards)}
            </p>
        </div>
    );
}

interface NodeProps {
    node: PathNode;
    all: number;
    isBackwards: boolean;
    onPoint: (is: boolean) => void;
    onOpen: () => void;
}

function NodeButton({ node, all, isBackwards, onPoint, onOpen }: NodeProps) {
    const name = nameOfNode(node);
    return (
        <button
            type="button"
            class={node.is_other ? "flow-node other" : "flow-node"}
            aria-haspopup="dialog"
            title={name}
            onPointerEnter={() => onPoint(true)}
            onPointerLeave={() => onPoint(false)}
            onFocus={() => onPoint(true)}
            onBlur={() => onPoint(false)}
            onClick={onOpen}
        >
            <span class="cut">
                {node.kind === "event" && <span class="flow-kind">Event </span>}
                {name}
            </span>
            <span>
                <b>{narrow(node.sessions, all)}</b>
                <span class="visually-hidden"> sessions,</span> <span class="quiet">{rateText(shareOfAll(node.sessions, all))}</span>
            </span>
            {node.ended > 0 && (
                <span class="quiet flow-ended-text">
                    {narrow(node.ended, all)} {isBackwards ? "began" : "left"}
                    <span class="visually-hidden"> here</span>
                </span>
            )}
        </button>
    );
}

function classOf({ depth, source, target }: Band, at: At): string {
    const kind = target === undefined ? "flow-band ended" : "flow-band";
    if (!at) return kind;
    const touches = (depth === at.depth && source === at.index) || (target !== undefined && depth + 1 === at.depth && target === at.index);
    return touches ? `${kind} on` : `${kind} off`;
}

function titleOf({ depth, source, target, sessions }: Band, steps: readonly PathStep[], isBackwards: boolean): string {
    const nameAt = (of: number, index: number) => nameOfNode(steps[of - 1]?.nodes[index] ?? { value: null, kind: null });
    if (target === undefined) return `${nameAt(depth, source)}: ${count(sessions)} ${endedText(isBackwards)}`;
    const pair = [nameAt(depth, source), nameAt(depth + 1, target)];
    return `${(isBackwards ? pair.reverse() : pair).join(" \u2192 ")}: ${plural(sessions, "session")}`;
}

/** What a node says of its neighbours. */
const NEIGHBOURS_TOLD = 3;

function neighboursText(answer: PathsAnswer, depth: number, index: number): string {
    const next = neighboursOf(answer, depth, index, "next");
    const told = next.slice(0, NEIGHBOURS_TOLD).map((node) => `${nameOfNode(node)} ${count(node.sessions)}`);
    return told.join(", ") + (next.length > told.length ? `, ${next.length - told.length} more` : "");
}

/** The steps below each other: nodes as bars, and below each what came next. */
function FlowList({ answer, isBackwards, onOpen }: Props) {
    return (
        <ol class="flow-list">
            {reachedOf(answer).map((step) => (
                <li key={step.depth}>
                    <StepHead step={step} isBackwards={isBackwards} />
                    <ul aria-label={nameOfDepth(step.depth, isBackwards)}>
                        {step.nodes.map((node, index) => {
                            const next = neighboursText(answer, step.depth, index);
                            const share = shareOfAll(node.sessions, answer.sessions);
                            return (
                                <li key={index}>
                                    <i class="bar" style={{ width: `${share ?? 0}%` }} aria-hidden="true" />
                                    <button
                                        type="button"
                                        class="flow-row"
                                        aria-haspopup="dialog"
                                        title={nameOfNode(node)}
                                        onClick={() => onOpen(step.depth, index)}
                                    >
                                        <span class="cut">
                                            {node.kind === "event" && <span class="flow-kind">Event </span>}
                                            {nameOfNode(node)}
                                        </span>
                                        <span>
                                            {count(node.sessions)}
                                            <span class="visually-hidden"> sessions,</span> <span class="quiet">{rateText(share)}</span>
                                        </span>
                                    </button>
                                    <p class="quiet cut">
                                        {node.ended > 0 && `${count(node.ended)} ${endedText(isBackwards)}`}
                                        {node.ended > 0 && next && " \u00b7 "}
                                        {next && `${isBackwards ? "from" : "to"} ${next}`}
                                    </p>
                                </li>
                            );
                        })}
                    </ul>
                </li>
            ))}
        </ol>
    );
}

/** All that the chart says, in words. */
export function FlowTable({ answer, isBackwards }: Omit<Props, "onOpen">) {
    return (
        <div class="scroll" tabIndex={0} role="region" aria-label="Paths as a table">
            <table class="plain sticky-names flow-table">
                <thead>
                    <tr>
                        <th scope="col">Page or event</th>
                        <th scope="col">Place</th>
                        <th scope="col">Sessions</th>
                        <th scope="col">Of all</th>
                        <th scope="col">{isBackwards ? "Began here" : "Left here"}</th>
                        <th scope="col">{isBackwards ? "Came from" : "Went on to"}</th>
                    </tr>
                </thead>
                {reachedOf(answer).map((step) => (
                    <tbody key={step.depth}>
                        {step.nodes.map((node, index) => (
                            <tr key={index}>
                                <th scope="row" title={nameOfNode(node)}>
                                    <span class="cut">{nameOfNode(node)}</span>
                                </th>
                                <td>{nameOfDepth(step.depth, isBackwards)}</td>
                                <td>{count(node.sessions)}</td>
                                <td>{rateText(shareOfAll(node.sessions, answer.sessions))}</td>
                                <td>{count(node.ended)}</td>
                                <td class="flow-next">
                                    {neighboursOf(answer, step.depth, index, "next")
                                        .map((next) => `${nameOfNode(next)} ${count(next.sessions)}`)
                                        .join(", ") || "\u2013"}
                                </td>
                            </tr>
                        ))}
                    </tbody>
                ))}
            </table>
        </div>
    );
}
