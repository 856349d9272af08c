// Keeps of GitHub's OpenAPI description what operations.txt names and what that refers to:
//
//	node hack/github/prune.mjs DESCRIPTION.json OPERATIONS.txt >pruned.json
//
// The whole has 13 MB and takes seconds to load. Webhooks ("x-webhooks") refer to schemas by the hundred and go, and so
// do examples and texts for people, which no check reads.
import { readFileSync } from "node:fs";

const [description, operations] = process.argv.slice(2);
const whole = JSON.parse(readFileSync(description, "utf8"));
const wanted = readFileSync(operations, "utf8").split("\n").filter((line) => line && !line.startsWith("#"));

const paths = {};
for (const line of wanted) {
  const [method, path] = line.split(" ");
  const operation = whole.paths[path]?.[method];
  if (!operation) {
    console.error(`prune: GitHub's description has no ${line}: see ${operations}`);
    process.exit(1);
  }
  paths[path] ??= {};
  if (whole.paths[path].parameters) paths[path].parameters = whole.paths[path].parameters;
  paths[path][method] = operation;
}

// Names of properties stay, whatever they are called.
const names = new Set(["properties", "patternProperties", "schemas", "parameters", "responses", "headers"]);
function bare(node, named = false) {
  if (Array.isArray(node)) return node.map((each) => bare(each));
  if (node === null || typeof node !== "object") return node;
  const out = {};
  for (const [key, value] of Object.entries(node)) {
    if (!named && (key === "example" || key === "examples" || key === "x-github" || key === "externalDocs" || key === "tags" || key === "summary")) continue;
    if (!named && key === "description" && typeof value === "string") {
      if ("content" in node || "headers" in node || Object.keys(node).length === 1) out[key] = "-"; // a response needs one
      continue;
    }
    out[key] = bare(value, !named && names.has(key));
  }
  return out;
}

const components = {};
const todo = [paths];
while (todo.length > 0) {
  const text = JSON.stringify(todo.pop());
  for (const [, kind, name] of text.matchAll(/"\$ref":"#\/components\/(\w+)\/([^"]+)"/g)) {
    components[kind] ??= {};
    if (name in components[kind]) continue;
    const found = whole.components[kind]?.[name];
    if (found === undefined) {
      console.error(`prune: GitHub's description refers to ${kind}/${name}, which it does not have`);
      process.exit(1);
    }
    components[kind][name] = found;
    todo.push(found);
  }
}
const info = { title: whole.info.title, version: whole.info.version };
console.log(JSON.stringify({ openapi: whole.openapi, info, paths: bare(paths), components: bare(components) }));
