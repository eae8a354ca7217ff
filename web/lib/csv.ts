import { askCsv } from "./api";
import type { Query } from "./query";

/** Asks the rows of a question and hands them to the browser as a file. */
export async function downloadCsv(name: string, query: Query): Promise<void> {
  const { compare: _, ...asked } = query;
  const url = URL.createObjectURL(await askCsv(asked));
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
