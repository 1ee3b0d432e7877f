// The public conformance suite: everything that each revision of the protocol asks of a server,
// less what conformance/REVISION.yml says is not here to be tested.
//
// node conformance.mjs [URL of /mcp]

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { withDirectory, withServer } from './server.mjs';

const REVISIONS = ['2025-11-25', '2026-07-28'];
const NODE_MAJOR_MIN = 22;
const SUITE = fileURLToPath(
  new URL('./dist/index.js', import.meta.resolve('@modelcontextprotocol/conformance/package.json')),
);

function run(revision, url) {
  return withDirectory(
    (results) =>
      new Promise((resolve, reject) => {
        const expected = fileURLToPath(new URL(`./conformance/${revision}.yml`, import.meta.url));
        const words = ['server', '--url', url, '--requirements', revision];
        const more = ['--expected-failures', expected, '--output-dir', results];
        const child = spawn(process.execPath, [SUITE, ...words, ...more], { stdio: 'inherit' });
        child.once('error', reject);
        child.once('exit', (code) => resolve(code ?? 1));
      }),
  );
}

async function all(url) {
  let worst = 0;
  for (const revision of REVISIONS) worst = Math.max(worst, await run(revision, url));
  return worst;
}

if (Number.parseInt(process.versions.node, 10) < NODE_MAJOR_MIN) {
  throw new Error(`the suite needs Node ${NODE_MAJOR_MIN} or newer; this is ${process.version}`);
}
const given = process.argv[2];
const served = () => withServer((url) => all(`${url}/mcp?tools=full`));
process.exitCode = await (given ? all(given) : served());
