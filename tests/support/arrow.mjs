// Reads Arrow's file or stream format from standard input and prints its columns and rows as JSON: a reader that is not ours.
import { tableFromIPC } from "apache-arrow";

const parts = [];
for await (const part of process.stdin) parts.push(part);
const table = tableFromIPC(Buffer.concat(parts));
const columns = table.schema.fields.map((field) => ({ name: field.name, type: String(field.type) }));
const plain = (cell) => (typeof cell === "bigint" ? Number(cell) : cell instanceof Date ? cell.getTime() : ArrayBuffer.isView(cell) ? String(cell) : cell);
const rows = table.toArray().map((row) => columns.map(({ name }) => plain(row[name])));
process.stdout.write(JSON.stringify({ columns, rows }));
