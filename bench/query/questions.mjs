// Prints the requests of the dashboard's first view as JSON, made by the page's own code: node bench/query/questions.mjs SITE SEARCH
//
// SEARCH is the query of the address, such as "?range=2026-10-01..2026-10-30"; the result is {panel: query}.
import { build } from "esbuild";

import { options } from "../../web/bundle.mjs";

const [site, search] = process.argv.slice(2);
const { outputFiles } = await build({
  ...options,
  stdin: {
    contents: 'export { questionsOf } from "./app/questions"; export { parseView } from "./app/state";',
    resolveDir: options.absWorkingDir,
    loader: "ts",
  },
  splitting: false,
  platform: "node",
  write: false,
});
const { parseView, questionsOf } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);
const today = new Date().toISOString().slice(0, 10);
console.log(JSON.stringify(questionsOf(site, parseView(search), today), null, 1));
