import { askOne } from "./ask";
import type { OnProgress } from "./progress";
import type { Cell, Meta, Query } from "./query";
import { type NodeKinds, type Repeats, type Step, type StepRequest, stepRequest } from "./step";

/** What POST /api/v1/paths takes. */
export interface PathsRequest extends Pick<Query, "website_id" | "date_range" | "time_range" | "filters" | "segment"> {
  from?: StepRequest;
  to?: StepRequest;
  depth: number;
  nodes: NodeKinds;
  collapse: boolean;
  limit: number;
  paths_limit: number;
  explain?: boolean;
}

export interface PathNode {
  /** Null of the node for all others. */
  value: string | null;
  kind: "page" | "event" | null;
  sessions: number;
  /** Of these, who had no further node: they left there, or, of paths to a step, began there. */
  ended: number;
  is_other: boolean;
}

export interface PathStep {
  depth: number;
  sessions: number;
  ended: number;
  nodes: PathNode[];
}

/** `source` and `target` are places among the nodes of `depth` and of the one after. */
export interface PathLink {
  depth: number;
  source: number;
  target: number;
  sessions: number;
}

export interface WholePath {
  nodes: { value: string; kind: "page" | "event" }[];
  sessions: number;
  /** In percent of all sessions. */
  rate: number | null;
}

export interface PathsAnswer {
  sessions: number;
  steps: PathStep[];
  links: PathLink[];
  paths: WholePath[];
  meta: Meta;
}

/** More of them nobody reads. */
export const PATHS_TOLD = 20;

interface Asked {
  from: Step | undefined;
  to: Step | undefined;
  depth: number;
  branches: number;
  nodes: NodeKinds;
  repeats: Repeats;
}

/** `base`: site, range and filters. */
export function pathsRequest(base: Pick<PathsRequest, "website_id">, { from, to, depth, branches, nodes, repeats }: Asked): PathsRequest {
  return {
    ...base,
    ...(from ? { from: stepRequest(from) } : {}),
    ...(to ? { to: stepRequest(to) } : {}),
    depth,
    nodes,
    collapse: repeats === "collapse",
    limit: branches,
    paths_limit: PATHS_TOLD,
  };
}

export function askPaths(request: PathsRequest, signal?: AbortSignal, onProgress?: OnProgress): Promise<PathsAnswer> {
  const isAnswer = ({ steps, links, paths }: PathsAnswer) => [steps, links, paths].every(Array.isArray);
  return askOne("/api/v1/paths", request, isAnswer, { signal, onProgress });
}

/** Where a drawn node is. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A band between two nodes, or the piece of those who went no further. */
export interface Band {
  depth: number;
  source: number;
  /** Undefined: they left there. */
  target: number | undefined;
  sessions: number;
  /** Its middle, as an SVG path; its thickness is that of the stroke. */
  line: string;
  thickness: number;
}

export interface Flow {
  width: number;
  height: number;
  /** By step and node. */
  boxes: Box[][];
  bands: Band[];
}

/** Three lines of text. */
export const NODE_HEIGHT_MIN = 64;
const NODE_GAP = 10;
const COLUMN_WIDTH_MIN = 186;
/** As high as all sessions are. */
const WHOLE_HEIGHT = 320;
const BAND_MIN = 1.5;
/** The piece of those who left. */
const STUB = 14;
/** Of a column, what is between it and the next. */
const BETWEEN = 0.3;

type Graph = Pick<PathsAnswer, "steps" | "links">;

/** Columns of nodes, in the order of time: of paths to a step the first one, which is the last in time, stands at the end. A node is as
 *  high as it has sessions, but never too low for its text; the bands keep the scale. */
export function flowOf({ sessions, steps, links }: Graph & { sessions: number }, room: number, isBackwards: boolean): Flow {
  const scale = sessions > 0 ? WHOLE_HEIGHT / sessions : 0;
  const column = Math.max(COLUMN_WIDTH_MIN, (room - STUB) / (steps.length - BETWEEN));
  const width = column * (1 - BETWEEN);
  const forward = isBackwards ? -1 : 1;
  const left = isBackwards ? STUB : 0;
  const boxes = steps.map(({ nodes }, index) => {
    let y = 0;
    return nodes.map((node) => {
      const height = Math.max(NODE_HEIGHT_MIN, node.sessions * scale);
      const box = { x: left + column * (isBackwards ? steps.length - 1 - index : index), y, width, height };
      y += height + NODE_GAP;
      return box;
    });
  });
  /** Up to where each node's sides are taken: bands are laid one below the other, in the middle of the side. */
  const sides = steps.map(({ nodes }, index) =>
    nodes.map((node, at) => {
      const box = boxes[index]?.[at] as Box;
      const start = box.y + (box.height - node.sessions * scale) / 2;
      return { out: start, into: start };
    }),
  );
  const edge = (box: Box, isOut: boolean) => box.x + ((isBackwards ? !isOut : isOut) ? box.width : 0);
  function place(depth: number, at: number, side: "out" | "into", amount: number): { x: number; y: number } {
    const taken = sides[depth]?.[at] as { out: number; into: number };
    const y = taken[side] + (amount * scale) / 2;
    taken[side] += amount * scale;
    return { x: edge(boxes[depth]?.[at] as Box, side === "out"), y };
  }
  const thickness = (amount: number) => Math.max(BAND_MIN, amount * scale);
  const bands: Band[] = [];
  const ordered = [...links].sort((a, b) => a.depth - b.depth || a.source - b.source || a.target - b.target);
  for (const { depth, source, target, sessions: amount } of ordered) {
    const [a, b] = [place(depth - 1, source, "out", amount), place(depth, target, "into", amount)];
    const middle = (a.x + b.x) / 2;
    const line = `M${round(a.x)} ${round(a.y)}C${round(middle)} ${round(a.y)} ${round(middle)} ${round(b.y)} ${round(b.x)} ${round(b.y)}`;
    bands.push({ depth, source, target, sessions: amount, line, thickness: thickness(amount) });
  }
  steps.forEach(({ depth, nodes }, index) =>
    nodes.forEach(({ ended }, source) => {
      if (ended === 0) return;
      const { x, y } = place(index, source, "out", ended);
      const line = `M${round(x)} ${round(y)}h${forward * (STUB - 2)}`;
      bands.push({ depth, source, target: undefined, sessions: ended, line, thickness: thickness(ended) });
    }),
  );
  const ends = boxes.map((column_) => Math.max(0, ...column_.map(({ y, height }) => y + height)));
  return { width: Math.max(0, STUB + column * (steps.length - BETWEEN)), height: Math.max(0, ...ends), boxes, bands };
}

const round = (value: number): number => Math.round(value * 10) / 10;

/** Where a node's sessions went to or came from, most first. */
export function neighboursOf({ steps, links }: Graph, depth: number, index: number, which: "next" | "before"): PathNode[] {
  const [of, here, there] = which === "next" ? ([depth, "source", "target"] as const) : ([depth - 1, "target", "source"] as const);
  const step = steps[which === "next" ? depth : depth - 2];
  return links
    .filter((link) => link.depth === of && link[here] === index)
    .map((link) => ({ ...(step?.nodes[link[there]] as PathNode), sessions: link.sessions }))
    .sort((a, b) => b.sessions - a.sessions);
}

export function shareOfAll(sessions: number, all: number): number | null {
  return all === 0 ? null : (100 * sessions) / all;
}

/** A row a node, by the names of the API's answer. */
export function nodesTable({ steps }: PathsAnswer): Cell[][] {
  const rows = steps.flatMap(({ depth, nodes }) =>
    nodes.map(({ value, kind, sessions, ended, is_other }): Cell[] => [depth, value, kind, is_other, sessions, ended]),
  );
  return [["depth", "value", "kind", "is_other", "sessions", "ended"], ...rows];
}

/** A row a link, with what it goes from and to; nothing stands for all others. */
export function linksTable({ steps, links }: PathsAnswer): Cell[][] {
  const rows = links.map(({ depth, source, target, sessions }): Cell[] => {
    const [from, to] = [steps[depth - 1]?.nodes[source], steps[depth]?.nodes[target]];
    return [depth, from?.value ?? null, from?.kind ?? null, to?.value ?? null, to?.kind ?? null, sessions];
  });
  return [["depth", "source", "source_kind", "target", "target_kind", "sessions"], ...rows];
}

/** A row a path, with a column for each of its nodes. */
export function pathsTable({ paths, steps }: PathsAnswer): Cell[][] {
  const depths = steps.map(({ depth }) => depth);
  const valuesOf = (nodes: WholePath["nodes"]) => depths.map((depth) => nodes[depth - 1]?.value ?? null);
  const rows = paths.map(({ nodes, sessions, rate }): Cell[] => [sessions, rate, ...valuesOf(nodes)]);
  return [["sessions", "rate", ...depths.map((depth) => `node_${depth}`)], ...rows];
}
