// Prints the requests of the dashboard's first view as JSON, made by the page's own code: node bench/query/questions.mjs SITE SEARCH
//
// SEARCH is the query of the address, such as "?range=2026-10-01..2026-10-30"; the result is {alone, set}, each {panel: query}. The
// numbers on top are a question of their own only of all time, and so not of the set; asked alone they are the smallest.
import { build } from "esbuild";

import { options } from "../../web/bundle.mjs";

const [site, search] = process.argv.slice(2);
const { outputFiles } = await build({
  ...options,
  stdin: {
    contents:
      'export { questionsOf } from "./app/questions"; export { baseQuery, comparesOf, parseView } from "./app/state";' +
      'export { headlineQuery } from "./panels/headline/headline";',
    resolveDir: options.absWorkingDir,
    loader: "ts",
  },
  splitting: false,
  platform: "node",
  write: false,
});
const { baseQuery, comparesOf, headlineQuery, parseView, questionsOf } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);
const today = new Date().toISOString().slice(0, 10);
const view = parseView(search);
const set = questionsOf(site, view, today);
const headline = headlineQuery({ metrics: [], ...baseQuery(site, view, today) }, comparesOf(view, today));
console.log(JSON.stringify({ alone: { headline, ...set }, set }, null, 1));
