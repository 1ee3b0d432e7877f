// What an assistant does, with the official TypeScript client, over both transports.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync } from 'node:fs';
import { devNull } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

import { SETTINGS, binary, withDirectory, withServer } from './server.mjs';

const EXAMPLE = fileURLToPath(new URL('../../examples/finance', import.meta.url));
const EXPECTED = JSON.parse(readFileSync(join(EXAMPLE, 'expected.json'), 'utf8'));
const PATIENCE_MS = 60_000;
const PICTURE = `
import base64
class Picture:
    def _repr_png_(self):
        return base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
            "YPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==")
Picture()
`;

/** The financial model as a repository. */
function repository(directory) {
  const path = join(directory, 'repository');
  const skipped = /(^|\/)(data|__pycache__|expected\.json)$/;
  cpSync(EXAMPLE, path, { recursive: true, filter: (source) => !skipped.test(source) });
  const git = (...words) =>
    execFileSync('git', words, {
      cwd: path,
      env: {
        ...process.env,
        GIT_CONFIG_GLOBAL: devNull,
        GIT_CONFIG_SYSTEM: devNull,
        GIT_AUTHOR_NAME: 'test',
        GIT_AUTHOR_EMAIL: 'test@localhost',
        GIT_COMMITTER_NAME: 'test',
        GIT_COMMITTER_EMAIL: 'test@localhost',
      },
    });
  git('init', '--quiet', '--initial-branch', 'main');
  git('add', '--all');
  git('commit', '--quiet', '--message', 'a state');
  return path;
}

const overStdio = (use) =>
  withDirectory((state) =>
    use(
      new StdioClientTransport({
        command: binary(),
        args: ['mcp', '--state-dir', state, '--tools', 'full'],
        env: { ...process.env, ...SETTINGS },
        stderr: 'ignore',
      }),
    ),
  );

const overHttp = (use) =>
  withServer((url) => use(new StreamableHTTPClientTransport(new URL(`${url}/mcp?tools=full`))));

for (const [transport, over] of Object.entries({ stdio: overStdio, http: overHttp })) {
  describe(`over ${transport}`, () => {
    let client;
    let close;
    let closed;

    before(async () => {
      await new Promise((opened, failed) => {
        const use = async (wire) => {
          client = new Client({ name: 'smoke', version: '0' });
          await client.connect(wire);
          const open = new Promise((resolve) => (close = resolve));
          opened();
          await open;
          await client.close();
        };
        closed = over(use);
        closed.catch(failed);
      });
    });

    after(async () => {
      close?.();
      await closed;
    });

    const raw = (name, args = {}, options = {}) =>
      client.callTool({ name, arguments: args }, undefined, { timeout: PATIENCE_MS, ...options });

    const call = async (name, args, options) => {
      const result = await raw(name, args, options);
      assert.ok(!result.isError, JSON.stringify(result.content));
      return result.structuredContent;
    };

    it('lists tools with schemas', async () => {
      // The client compiles every output schema here, and holds each answer to it from now on.
      const { tools } = await client.listTools();
      const names = tools.map((tool) => tool.name);
      for (const name of ['run', 'get_run', 'execute_code', 'create_project']) {
        assert.ok(names.includes(name), name);
      }
      for (const tool of tools) {
        assert.ok(tool.outputSchema, tool.name);
        assert.ok(tool.annotations, tool.name);
      }
    });

    it('keeps the variables of a session', async () => {
      const first = await call('execute_code', { code: 'n = 20' });
      const second = await call('execute_code', {
        code: 'print(n + 1)',
        session_id: first.session_id,
      });
      assert.equal(second.stdout, '21\n');
    });

    it('tells a failure of the code as an answer', async () => {
      const answer = await call('execute_code', { code: '1 / 0' });
      assert.equal(answer.outcome, 'raised');
    });

    it('tells an error of a tool with message and hint', async () => {
      const result = await raw('get_run', { run_id: 'ffffffff-ffff-ffff-ffff-ffffffffffff' });
      assert.equal(result.isError, true);
      const told = JSON.parse(result.content[0].text);
      assert.ok(told.error && told.message && told.hint, result.content[0].text);
    });

    it('shows a picture', async () => {
      const { content } = await raw('execute_code', { code: PICTURE });
      const image = content.find((block) => block.type === 'image');
      assert.equal(image?.mimeType, 'image/png');
    });

    it('writes and reads files', async () => {
      const { session_id } = await call('execute_code', { code: 'pass' });
      await call('write_file', { session_id, path: 'a.txt', content: 'text' });
      const { content } = await call('read_file', { session_id, path: 'a.txt' });
      assert.equal(content, 'text');
    });

    it('hears of progress', async () => {
      let heard = 0;
      await call(
        'execute_code',
        { code: 'import time; time.sleep(18)' },
        { onprogress: () => (heard += 1), resetTimeoutOnProgress: true, timeout: 17_000 },
      );
      assert.ok(heard >= 1);
    });

    it('stops what is taken back', async () => {
      const { session_id } = await call('execute_code', { code: 'kept = 1' });
      const taken = new AbortController();
      const code = 'import time\nwhile True: time.sleep(0.1)';
      const running = raw('execute_code', { code, session_id }, { signal: taken.signal });
      setTimeout(() => taken.abort(), 1500);
      await assert.rejects(running);
      const answer = await call('execute_code', { code: 'print(kept)', session_id });
      assert.equal(answer.stdout, '1\n');
    });

    it('runs the financial model, waited for and not', async () => {
      await withDirectory(async (directory) => {
        const project_name = 'finance';
        await call('create_project', { project_name, source: repository(directory) });
        for (const source_name of ['receipts', 'macro']) {
          const content = readFileSync(join(EXAMPLE, 'data', `${source_name}.csv`), 'utf8');
          const spec = { kind: 'file_upload', file_name: `${source_name}.csv`, content };
          await call('ingest_data_source', { project_name, source_name, spec });
        }
        const now = await call('run', { scope: 'project', mode: 'sync', project_name });
        assert.equal(now.status, 'success', now.stderr);
        assert.deepEqual(now.outputs['summary.json'], EXPECTED);
        const later = await call('run', { scope: 'project', mode: 'async', project_name });
        assert.equal(later.status, 'pending');
        const end = Date.now() + PATIENCE_MS;
        let told;
        do {
          await new Promise((resolve) => setTimeout(resolve, 200));
          told = await call('get_run', { run_id: later.run_id });
        } while (['pending', 'running'].includes(told.status) && Date.now() < end);
        assert.equal(told.status, 'success');
        assert.deepEqual(told.output.outputs['summary.json'], EXPECTED);
      });
    });
  });
}
