// Parses flowcharts with Mermaid itself: node mermaid.mjs FOLDER FILE...
// FOLDER is where "npm install mermaid jsdom" has run. A file fails if it does not parse, or if the parser finds other
// nodes and edges than the file has lines for.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder, ...files] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(folder), 'x.js'));
const { JSDOM } = require('jsdom');
const dom = new JSDOM('<!DOCTYPE html><body></body>');
globalThis.window = dom.window;
globalThis.document = dom.window.document;
const mermaid = (await import(pathToFileURL(path.join(folder, 'node_modules/mermaid/dist/mermaid.core.mjs')))).default;
mermaid.initialize({ startOnLoad: false, securityLevel: 'strict' });

let failed = 0;
for (const file of files) {
  const text = fs.readFileSync(file, 'utf8');
  const lines = text.split('\n');
  const want = {
    nodes: lines.filter((l) => /^ +(n\d+|cut)(\[|\()/.test(l)).length,
    edges: lines.filter((l) => /^ +n\d+ -/.test(l)).length,
    subgraphs: lines.filter((l) => /^ +subgraph /.test(l)).length,
  };
  try {
    await mermaid.parse(text);
    const { db } = await mermaid.mermaidAPI.getDiagramFromText(text);
    const got = { nodes: db.getVertices().size, edges: db.getEdges().length, subgraphs: db.getSubGraphs().length };
    const ok = JSON.stringify(got) === JSON.stringify(want) && got.edges <= 500 && text.length <= 50000;
    failed += ok ? 0 : 1;
    console.log(path.basename(file), ok ? 'ok' : 'DIFFERS', JSON.stringify(got), ok ? '' : JSON.stringify(want), text.length);
  } catch (err) {
    failed++;
    console.log(path.basename(file), 'FAILED', String(err).slice(0, 500));
  }
}
process.exit(failed ? 1 : 0);
