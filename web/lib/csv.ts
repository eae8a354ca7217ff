import { askCsv } from "./api";
import type { Cell, Query } from "./query";

/** Asks the rows of a question and hands them to the browser as a file. */
export async function downloadCsv(name: string, query: Query): Promise<void> {
  const { compare: _, ...asked } = query;
  saveFile(name, await askCsv(asked));
}

/** The same of a table that is here already, as the server would write it. */
export function saveCsv(name: string, table: readonly (readonly Cell[])[]): void {
  saveFile(name, new Blob([csvText(table)], { type: "text/csv;charset=utf-8" }));
}

/** A text that a spreadsheet would calculate has an apostrophe before it: a visitor chose it. */
export function csvText(table: readonly (readonly Cell[])[]): string {
  return table.map((row) => `${row.map(csvCell).join(",")}\r\n`).join("");
}

function csvCell(cell: Cell): string {
  if (typeof cell !== "string") return cell === null ? "" : String(cell);
  const text = /^[=+\-@\t\r\0]/.test(cell) ? `'${cell}` : cell;
  return text !== cell || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function saveFile(name: string, file: Blob): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = url;
  link.download = fileName(name);
  link.click();
  // The browser reads it after the click.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** What every file system takes. */
export function fileName(name: string): string {
  return `${name.replace(/[^\w.-]+/g, "-").replace(/^[-.]+|[-.]+$/g, "")}.csv`;
}
