// The server under test: started as a process of its own, with its state in a directory of its own.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const START_MS = 30_000;
const STOP_MS = 15_000;
const ADDRESS = /(http:\/\/127\.0\.0\.1:\d+)/;
// Tests ask more often than a tenant may, and make repositories in temporary directories.
export const SETTINGS = {
  CELLBLOCK_TENANT_RUNS_PER_MINUTE: '1000000',
  CELLBLOCK_REPOSITORIES: tmpdir(),
};

export function binary() {
  const named = process.env.CELLBLOCK_BIN;
  if (!named) throw new Error('CELLBLOCK_BIN is not set');
  return named;
}

/** A directory that is gone when `use` has come to its end. */
export async function withDirectory(use) {
  const directory = await mkdtemp(join(tmpdir(), 'mcp-contract-'));
  try {
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Runs `use` with the address of a server that ends after it. */
export async function withServer(use) {
  return withDirectory(async (state) => {
    const words = ['serve', '--listen', '127.0.0.1:0', '--state-dir', state];
    const child = spawn(binary(), words, {
      env: { ...process.env, ...SETTINGS },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    try {
      return await use(await address(child));
    } finally {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await ended;
      clearTimeout(timer);
    }
  });
}

function address(child) {
  return new Promise((resolve, reject) => {
    const said = [];
    const fail = (why) => reject(new Error(`${why}:\n${said.join('\n')}`));
    const timer = setTimeout(() => fail('the server did not start'), START_MS);
    child.once('error', reject);
    child.once('exit', () => fail('the server ended'));
    createInterface({ input: child.stderr }).on('line', (line) => {
      said.push(line);
      said.splice(0, said.length - 50);
      const found = ADDRESS.exec(line);
      if (!found) return;
      clearTimeout(timer);
      resolve(found[1]);
    });
  });
}
