// SPDX-License-Identifier: Apache-2.0
//
// Parses flowcharts with Mermaid itself: node parse.mjs FOLDER IN OUT
// FOLDER is where Mermaid and jsdom are installed. IN is a JSON object of texts by name. OUT becomes the object of what the
// parser finds: nodes, edges as "from to", the number of subgraphs; or the error.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder, input, output] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(folder), 'x.js'));
const { JSDOM } = require('jsdom');
const dom = new JSDOM('<!DOCTYPE html><body></body>');
globalThis.window = dom.window; // before Mermaid is loaded, which looks for it
globalThis.document = dom.window.document;
const mermaid = (await import(pathToFileURL(path.join(folder, 'node_modules/mermaid/dist/mermaid.core.mjs')))).default;
mermaid.initialize({ startOnLoad: false, securityLevel: 'strict' });

const found = {};
for (const [name, text] of Object.entries(JSON.parse(fs.readFileSync(input, 'utf8')))) {
  try {
    const { db } = await mermaid.mermaidAPI.getDiagramFromText(text);
    found[name] = {
      nodes: [...db.getVertices().keys()],
      edges: db.getEdges().map((e) => `${e.start} ${e.end}`),
      subgraphs: db.getSubGraphs().length,
    };
  } catch (err) {
    found[name] = { error: String(err) || 'it is refused without a reason' };
  }
}
fs.writeFileSync(output, JSON.stringify(found));
