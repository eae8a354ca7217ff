// How the page is bundled; shared by web/build.mjs and by the tests, so that they look at what is shipped.
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

import { world } from "./world.mjs";

export const web = dirname(fileURLToPath(import.meta.url));

export const options = {
  absWorkingDir: web,
  bundle: true,
  splitting: true,
  minify: true,
  format: "esm",
  target: ["es2022", "chrome111", "firefox113", "safari16.4"],
  jsx: "automatic",
  jsxImportSource: "preact",
  plugins: [world],
  legalComments: "none",
  metafile: true,
  write: false,
  logLevel: "warning",
};
