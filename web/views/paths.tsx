import { useState } from "preact/hooks";

import { show } from "../app/location";
import { rangeText, type View } from "../app/state";
import type { Site } from "../lib/api";
import { saveCsv } from "../lib/csv";
import { isFiltered } from "../lib/filter";
import { count, plural } from "../lib/format";
import { placeOf, rateText } from "../lib/funnel";
import { askPaths, linksTable, nodesTable, PATHS_TOLD, type PathsAnswer, pathsRequest, pathsTable, shareOfAll } from "../lib/paths";
import type { Query } from "../lib/query";
import { BRANCHES, DEPTHS, NODE_KINDS, type NodeKinds, type Repeats } from "../lib/step";
import { Panel } from "../ui/panel";
import { Empty, Partial, SkeletonRows } from "../ui/states";
import { useAsked } from "./answer";
import { Explain } from "./explain";
import { Flow, FlowTable } from "./flow";
import { nameOfNode, NodeDialog } from "./node";
import { Choice, Refused, wordsOf } from "./question";
import { StepDialog } from "./step";
import { StepField } from "./stepfield";
import { Waiting } from "./waiting";

type Side = "from" | "to";
const SIDES: Record<Side, { label: string; hint: string; without: string }> = {
    from: { label: "Starting at", hint: "And what comes after", without: "Any start" },
    to: { label: "Ending at", hint: "And what came before", without: "Any end" },
};

type Overlay = { kind: Side | "explain" } | { kind: "node"; depth: number; index: number } | undefined;

/** Which pages and events sessions went through, one after the other. */
export default function Paths({ site, view, base }: { site: Site; view: View; base: Query }) {
    const [overlay, open] = useState<Overlay>();
    const { metrics: _, exact: __, ...asked } = base;
    const request = pathsRequest(asked, view);
    const { answer, question, problem: known, waiting, progress, retry } = useAsked(request, askPaths);
    const problem = waiting ? undefined : known;
    const place = placeOf(problem);
    const close = () => open(undefined);
    const isBackwards = question?.to !== undefined;
    const isEmpty = (answer?.sessions ?? 0) === 0;
    const stale = waiting && answer !== undefined;
    const file = (name: string) => `${site.id} ${name} ${rangeText(view.range)}`;
    const onNode = (depth: number, index: number) => open({ kind: "node", depth, index });
    const explain = { label: "Show query", run: () => open({ kind: "explain" }) };
    const side = overlay?.kind === "from" || overlay?.kind === "to" ? overlay.kind : undefined;
    return (
        <div class="analysis-rows">
            <Question view={view} errorAt={(name) => (place === name ? wordsOf(problem) : "")} onOpen={(kind) => open({ kind })} />
            <Panel
                title="Paths"
                class="paths-panel"
                aside={<Waiting progress={progress} />}
                stale={stale}
                menu={
                    answer && !isEmpty && !problem
                        ? [
                              { label: "Download steps as CSV", run: () => saveCsv(file("path steps"), nodesTable(answer)) },
                              { label: "Download links as CSV", run: () => saveCsv(file("path links"), linksTable(answer)) },
                              explain,
                          ]
                        : [explain]
                }
            >
                {problem ? (
                    <Refused problem={problem} place={place} what="Paths" onRetry={retry} />
                ) : !answer ? (
                    <SkeletonRows rows={7} />
                ) : isEmpty ? (
                    <Nothing isFiltered={question !== undefined && isFiltered(question)} hasStep={question?.from !== undefined || isBackwards} />
                ) : (
                    <>
                        <div class="cohorts-head">
                            <p class="quiet" role="status">
                                {finding(answer, isBackwards)}
                            </p>
                            <ShownAs shown={view.flow} />
                        </div>
                        {view.flow === "table" ? (
                            <FlowTable answer={answer} isBackwards={isBackwards} />
                        ) : (
                            <Flow answer={answer} isBackwards={isBackwards} onOpen={onNode} />
                        )}
                        <Partial meta={answer.meta} />
                    </>
                )}
            </Panel>
            {answer && !isEmpty && !problem && (
                <Panel
                    title="Most frequent paths"
                    stale={stale}
                    menu={[{ label: "Download as CSV", run: () => saveCsv(file("paths"), pathsTable(answer)) }]}
                >
                    <WholePaths answer={answer} isBackwards={isBackwards} />
                </Panel>
            )}
            {overlay?.kind === "explain" && <Explain title="Paths" query={request} path="/api/v1/paths" ask={askPaths} onClose={close} />}
            {overlay?.kind === "node" && answer && (
                <NodeDialog
                    answer={answer}
                    depth={overlay.depth}
                    index={overlay.index}
                    isBackwards={isBackwards}
                    backTo="paths-from"
                    onChoose={(change) => {
                        close();
                        show(change);
                    }}
                    onClose={close}
                />
            )}
            {side && (
                <StepDialog
                    title={SIDES[side].label}
                    button="Set"
                    step={view[side]}
                    site={site}
                    base={base}
                    backTo={`paths-${side}`}
                    onDone={(step) => {
                        close();
                        show(side === "from" ? { from: step, to: undefined } : { from: undefined, to: step });
                    }}
                    onClose={close}
                />
            )}
        </div>
    );
}

const SHOWN = [
    { name: "chart", label: "Flow" },
    { name: "table", label: "Table" },
] as const;

function ShownAs({ shown }: { shown: View["flow"] }) {
    return (
        <div class="tabs" role="group" aria-label="Shown as">
            {SHOWN.map(({ name, label }) => (
                <button
                    type="button"
                    class="quiet-button"
                    key={name}
                    aria-pressed={shown === name}
                    onClick={() => show({ flow: name }, { replace: true })}
                >
                    {label}
                </button>
            ))}
        </div>
    );
}

function Question({ view, errorAt, onOpen }: { view: View; errorAt: (name: string) => string; onOpen: (side: Side) => void }) {
    return (
        <section class="panel retention-question paths-question" aria-label="Question">
            {(Object.keys(SIDES) as Side[]).map((side) => (
                <StepField
                    key={side}
                    id={`paths-${side}`}
                    {...SIDES[side]}
                    step={view[side]}
                    error={errorAt(side)}
                    onOpen={() => onOpen(side)}
                    onClear={() => show({ [side]: undefined })}
                />
            ))}
            <Choice
                label="Through"
                hint="What the steps are"
                value={view.nodes}
                error={errorAt("nodes")}
                onChoose={(name) => show({ nodes: name as NodeKinds })}
            >
                {NODE_KINDS.map(({ name, label }) => (
                    <option value={name} key={name}>
                        {label}
                    </option>
                ))}
            </Choice>
            <Choice
                label="Steps"
                hint="The length of a path"
                value={String(view.depth)}
                error={errorAt("depth")}
                onChoose={(text) => show({ depth: Number(text) })}
            >
                {DEPTHS.map((depth) => (
                    <option value={String(depth)} key={depth}>
                        {depth}
                    </option>
                ))}
            </Choice>
            <Choice
                label="Branches"
                hint="At each step; the rest together"
                value={String(view.branches)}
                error={errorAt("limit")}
                onChoose={(text) => show({ branches: Number(text) })}
            >
                {BRANCHES.map((branches) => (
                    <option value={String(branches)} key={branches}>
                        {branches}
                    </option>
                ))}
            </Choice>
            <Choice
                label="Repeats"
                hint="The same one right after itself"
                value={view.repeats}
                error={errorAt("collapse")}
                onChoose={(name) => show({ repeats: name as Repeats })}
            >
                <option value="collapse">Count once</option>
                <option value="keep">Count each</option>
            </Choice>
        </section>
    );
}

function Nothing({ isFiltered, hasStep }: { isFiltered: boolean; hasStep: boolean }) {
    return (
        <Empty title={hasStep ? "No session reached that step in this period" : "No session in this period"}>
            {isFiltered
                ? "A filter is set: without it there may be some."
                : hasStep
                  ? "Choose another period, or see whether the step is spelled as the site has it."
                  : undefined}
        </Empty>
    );
}

function finding({ sessions, steps }: PathsAnswer, isBackwards: boolean): string {
    const ended = steps[0]?.ended ?? 0;
    const share = rateText(shareOfAll(ended, sessions));
    if (isBackwards) return `Of ${plural(sessions, "session")} that came there, ${count(ended)} (${share}) began with it.`;
    return `Of ${plural(sessions, "session")}, ${count(ended)} (${share}) went no further than the first step.`;
}

/** The paths as a whole, those of most sessions first. Of a path to a step the server tells the step first; it is read in the order of
 *  time. */
function WholePaths({ answer, isBackwards }: { answer: PathsAnswer; isBackwards: boolean }) {
    return (
        <>
            <table class="plain whole-paths">
                <thead>
                    <tr>
                        <th scope="col">Path</th>
                        <th scope="col">Sessions</th>
                        <th scope="col">
                            <abbr title="Share of all sessions">%</abbr>
                        </th>
                    </tr>
                </thead>
                <tbody>
                    {answer.paths.map(({ nodes, sessions, rate }, index) => (
                        <tr key={index}>
                            <th scope="row">
                                {(isBackwards ? [...nodes].reverse() : nodes).map((node, at) => (
                                    <span key={at}>
                                        {at > 0 && <span class="quiet path-arrow"> {"\u2192"} </span>}
                                        <span class="path-node">{nameOfNode(node)}</span>
                                    </span>
                                ))}
                            </th>
                            <td>{count(sessions)}</td>
                            <td class="quiet">{rateText(rate)}</td>
                        </tr>
                    ))}
                </tbody>
            </table>
            <p class="hint">
                Paths of up to {answer.steps.length} steps
                {answer.paths.length >= PATHS_TOLD && `, the ${PATHS_TOLD} of most sessions`}. One of {answer.steps.length} may have gone
                on.
            </p>
        </>
    );
}
