// The npm package as it is published: its types, and what it does where there is no browser.
import { deepEqual, equal } from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import typescript from "typescript";

import { BUILT } from "./servers.mjs";

const root = join(BUILT, "npm");
const description = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

test("the package has what its description names, and depends on nothing", () => {
  const { types, import: module } = description.exports["."];
  deepEqual([existsSync(join(root, types)), existsSync(join(root, module)), description.dependencies], [true, true, undefined]);
  deepEqual(JSON.parse(readFileSync(join(BUILT, "manifest.json"), "utf8")).version, description.version);
});

test("on a server init() gives methods that do nothing", async () => {
  const { init } = await import(pathToFileURL(join(root, "dist", "footfall.mjs")));
  const footfall = init({ site: "my-site" });
  for (const name of ["trackPageView", "trackEvent", "track", "identify", "consent", "flush", "optOut", "optIn"]) equal(footfall[name]("x"), undefined);
});

test("the types take what is right, and refuse what is not", () => {
  const check = (source) => {
    const name = join(root, "consumer.mts");
    const options = { strict: true, noEmit: true, module: typescript.ModuleKind.NodeNext, moduleResolution: typescript.ModuleResolutionKind.NodeNext, types: [], lib: ["lib.es2022.d.ts", "lib.dom.d.ts"] };
    const host = typescript.createCompilerHost(options);
    const { getSourceFile, fileExists } = host;
    const text = `import { init } from "./dist/footfall.mjs";\nconst footfall = init({ site: "s" });\n${source}`;
    host.fileExists = (file) => file === name || fileExists(file);
    host.getSourceFile = (file, version) => (file === name ? typescript.createSourceFile(file, text, version) : getSourceFile(file, version));
    return typescript.getPreEmitDiagnostics(typescript.createProgram([name], options, host)).map(({ code }) => code);
  };
  deepEqual(check('footfall.track("a", { n: 1, t: "x", b: true, none: undefined }, { revenue: "1.50", currency: "EUR", nonInteractive: true });'), []);
  deepEqual(check('footfall.trackPageView(); footfall.trackEvent("a", "b", "c", 1); footfall.identify(null); footfall.flush(); footfall.optOut(); footfall.optIn();'), []);
  deepEqual(check("init({});"), [2345]);
  deepEqual(check('footfall.track("a", { list: [1] });'), [2322]);
  deepEqual(check("footfall.trackEvent();"), [2554]);
});
