// Runs the SQL of standard input in DuckDB and prints the rows of its last statement as JSON: a reader of the archive that is not ours.
import { DuckDBInstance } from "@duckdb/node-api";

let sql = "";
for await (const part of process.stdin) sql += part;
const connection = await (await DuckDBInstance.create(":memory:")).connect();
const rows = await connection.runAndReadAll(sql);
process.stdout.write(JSON.stringify(rows.getRowObjectsJson()));
