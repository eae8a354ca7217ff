// Builds the SDK for browsers: node sdk/web/build.mjs [OUT_DIR]   (default: build/sdk)
//
// OUT_DIR gets footfall.js and the same as footfall.HASH.js, each with .gz and .br beside it; manifest.json with names, sizes and the
// integrity attribute; and npm/, the package @footfall/web ready for `npm pack`.
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

import { build } from "esbuild";
import typescript from "typescript";

// What every page of every site pays for, over the wire by gzip. A script that outgrows it fails the build.
const GZIP_BYTES_MAX = 3 * 1024;
// Chrome 85, Firefox 79, Safari 14 and later. Older browsers do not run the script, and are not counted.
const TARGET = "es2021";

const sdk = dirname(fileURLToPath(import.meta.url));
const root = join(sdk, "..", "..");
const out = resolve(process.argv[2] ?? join(root, "build", "sdk"));
const { version } = JSON.parse(readFileSync(join(sdk, "package.json"), "utf8"));

async function bundle(entry, format) {
  const result = await build({
    absWorkingDir: sdk,
    entryPoints: [`src/${entry}.ts`],
    bundle: true,
    minify: true,
    format,
    target: TARGET,
    define: { VERSION: JSON.stringify(version) },
    // The members of our own objects end in _ where no page sees them.
    mangleProps: /[^_]_$/,
    legalComments: "none",
    write: false,
    logLevel: "warning",
  });
  return Buffer.from(result.outputFiles[0].contents);
}

function write(file, content) {
  mkdirSync(dirname(join(out, file)), { recursive: true });
  writeFileSync(join(out, file), content);
}

/** The types that sites see, from the one source that has them. */
function declarations() {
  const source = readFileSync(join(sdk, "src", "api.ts"), "utf8");
  const { outputText, diagnostics } = typescript.transpileDeclaration(source, { fileName: "api.ts", compilerOptions: { strict: true } });
  if (diagnostics?.length) throw new Error(`src/api.ts: ${diagnostics[0].messageText}`);
  return `${outputText}/** Starts to measure this page. On a server, and where the browser asks for privacy, the methods do nothing. */\nexport declare const init: Init;\n`;
}

const script = await bundle("index", "iife");
const gzip = gzipSync(script, { level: constants.Z_BEST_COMPRESSION });
const brotli = brotliCompressSync(script, {
  params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY, [constants.BROTLI_PARAM_SIZE_HINT]: script.length },
});
console.log(`sdk: footfall.js ${script.length} bytes, ${gzip.length} by gzip, ${brotli.length} by brotli; the limit is ${GZIP_BYTES_MAX} by gzip`);
if (gzip.length > GZIP_BYTES_MAX) {
  console.error("sdk: leave something out, or find a shorter way");
  process.exit(1);
}

const hash = createHash("sha256").update(script).digest("hex").slice(0, 8).toUpperCase();
const hashed = `footfall.${hash}.js`;
rmSync(out, { recursive: true, force: true });
for (const name of ["footfall.js", hashed]) {
  write(name, script);
  write(`${name}.gz`, gzip);
  write(`${name}.br`, brotli);
}
const integrity = `sha384-${createHash("sha384").update(script).digest("base64")}`;
write(
  "manifest.json",
  `${JSON.stringify({ version, integrity, bytes: script.length, gzip: gzip.length, brotli: brotli.length, files: [
    { path: "/footfall.js", file: "footfall.js", immutable: false },
    { path: `/${hashed}`, file: hashed, immutable: true },
  ] }, null, 2)}\n`,
);

write("npm/dist/footfall.mjs", await bundle("npm", "esm"));
write("npm/dist/footfall.d.mts", declarations());
for (const [from, name] of [[sdk, "package.json"], [sdk, "README.md"], [root, "LICENSE"]]) copyFileSync(join(from, name), join(out, "npm", name));
