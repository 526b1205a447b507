// Checks the published contract with the tools of those who build on it: a validator in strict mode, a generator of
// TypeScript types, and two readers of AsyncAPI. `tests/node/check` runs it in a folder that has its packages.
//
// Usage: node check.mjs CHECKOUT
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { Parser, fromFile } from "@asyncapi/parser";
import Ajv from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { compile } from "json-schema-to-typescript";

const here = path.dirname(fileURLToPath(import.meta.url));
const checkout = path.resolve(process.argv[2]);
const schemas = path.join(checkout, "shared/schemas");
const out = path.join(here, "types");
mkdirSync(out, { recursive: true });

let failures = 0;
function fail(what, details) {
  failures += 1;
  console.error(what, JSON.stringify(details, null, 1));
}

/** All examples in a schema, each with the schema that it is an example of. */
function* examples(schema) {
  for (const part of [schema, ...Object.values(schema.$defs ?? {})]) {
    for (const example of part.examples ?? []) {
      if (typeof example === "object") yield example;
    }
  }
}

/** The generator copies a type where a reference has a description of its own beside it. */
function withoutSiblings(value) {
  if (Array.isArray(value)) return value.map(withoutSiblings);
  if (typeof value !== "object" || value === null) return value;
  if (typeof value.$ref === "string") return { $ref: value.$ref };
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutSiblings(inner)]));
}

for (const file of readdirSync(schemas).filter((file) => file.endsWith(".json"))) {
  const name = file.replace(".json", "");
  const schema = JSON.parse(readFileSync(path.join(schemas, file), "utf8"));
  const ajv = new Ajv({ strict: true, allErrors: true });
  addFormats(ajv);
  const validate = ajv.compile(schema);
  for (const example of examples(schema)) {
    if (!validate(example)) fail(`an example in ${file} is not valid`, validate.errors);
  }
  const types = await compile(withoutSiblings(schema), name, {
    additionalProperties: false,
    bannerComment: `/* Made from ${file}. */`,
    ignoreMinAndMaxItems: true,
  });
  writeFileSync(path.join(out, `${name}.d.ts`), types);
}

// A Dialer that uses the types, checked as strictly as possible.
cpSync(path.join(checkout, "tests/node/dialer.ts"), path.join(out, "dialer.ts"));
const tool = (name) => path.join(here, "node_modules/.bin", name);
const run = (name, ...options) => {
  try {
    execFileSync(tool(name), options, { cwd: here, encoding: "utf8", stdio: "pipe" });
  } catch (error) {
    fail(`${name} finds something`, `${error.stdout}${error.stderr}`);
  }
};
run("tsc", "--strict", "--noEmit", "--target", "es2022", "--module", "nodenext", path.join(out, "dialer.ts"));

const asyncapi = path.join(schemas, "asyncapi.yaml");
const { document, diagnostics } = await fromFile(new Parser(), asyncapi).parse();
if (!document || diagnostics.length > 0) fail("the AsyncAPI parser finds something", diagnostics);
run("redocly", "lint", "--config", path.join(schemas, "redocly.yaml"), "--max-problems", "5", asyncapi);

if (failures === 0) console.log("the contract is what ajv, tsc, @asyncapi/parser and @redocly/cli expect");
process.exit(failures === 0 ? 0 : 1);
