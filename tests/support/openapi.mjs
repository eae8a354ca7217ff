// What others than we say of the OpenAPI document: is it one (a validator of OpenAPI), and do values fit its schemas (Ajv)?
// {"document", "checks": [{"at": "#/a/pointer/into/it", "value"}]} on stdin → {"problems", "misfits": [{"index", "problems"}]}
import { readFileSync } from "node:fs";
import { Validator } from "@seriousme/openapi-schema-validator";
import Ajv from "ajv/dist/2020.js";
import formats from "ajv-formats";

const { document, checks } = JSON.parse(readFileSync(0, "utf8"));

const verdict = await new Validator().validate(structuredClone(document));
const problems = verdict.valid ? [] : [verdict.errors].flat();

// Not strict: Ajv is told of the whole document, in which schemas are a part.
const ajv = new Ajv.default({ strict: false, allErrors: true, validateFormats: true });
formats.default(ajv);
ajv.addSchema(document, "openapi");
const compiled = new Map();
const misfits = [];
checks.forEach(({ at, value }, index) => {
  if (!compiled.has(at)) compiled.set(at, ajv.compile({ $ref: `openapi${at}` }));
  const fits = compiled.get(at);
  if (!fits(value)) misfits.push({ index, problems: fits.errors.slice(0, 6).map((e) => `${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`) });
});
process.stdout.write(JSON.stringify({ problems, misfits }));
