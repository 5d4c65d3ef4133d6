import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstDraft, freeName, OWN, toSpec } from '../lib/model/draft.js';
import {
  bytes,
  duration,
  roughly,
  shape,
  summary,
  waits
} from '../lib/model/words.js';

test('durations are read in at most two units', () => {
  const all = [0, 59.6, 75, 1800, 3600, 7500, 86400, 273600];
  assert.deepEqual(all.map(duration), [
    '0 s',
    '1 min',
    '1 min 15 s',
    '30 min',
    '1 h',
    '2 h 5 min',
    '1 d',
    '3 d 4 h'
  ]);
  assert.deepEqual([-3, 90, 300, 7190, 10440, 273600].map(roughly), [
    '0 s',
    '90 s',
    '5 min',
    '119 min',
    '2 h 54 min',
    '3 d 4 h'
  ]);
});

test('bytes and shapes', () => {
  const all = [0, 2 ** 20, 1.5 * 2 ** 30, 2 ** 34];
  assert.deepEqual(all.map(bytes), ['0 B', '1 MiB', '1.5 GiB', '16 GiB']);
  const big = { cores: 8, memory: 2 ** 34, gpus: 1, processes: 4 };
  assert.equal(shape(big), '8 cores, 16 GiB, 1 GPU, 4 workers a job');
});

test('workers in one sentence', () => {
  const counts = { requested: 0, pending: 5, starting: 1, working: 2, lost: 0 };
  assert.equal(
    summary(counts, 8),
    '2 of 8 workers working, 1 starting, 5 pending'
  );
});

test('waits of the lanes, and nothing where nothing is known', () => {
  const known = {
    interactive: { median: 2, p95: 5.2, count: 12 },
    batch: { median: 0.3, p95: 190, count: 4 },
    spot: { median: 0, p95: 0, count: 0 }
  };
  assert.deepEqual(waits(known), [
    'interactive 2 s, p95 5 s (n=12)',
    'batch <1 s, p95 3 min (n=4)'
  ]);
  assert.deepEqual(waits({}), []);
});

test('a new name is free', () => {
  assert.equal(freeName([]), 'cluster');
  assert.equal(freeName(['cluster', 'cluster-2']), 'cluster-3');
});

const site = {
  site: {
    name: 'here',
    lanes: { batch: {}, interactive: {} },
    shapes: { small: {} }
  },
  accounts: ['ab']
};

test('remembered choices are taken only as far as the site still offers them', () => {
  const last = { site: 'gone', lane: 'gone', account: 'gone', target: 7 };
  const draft = firstDraft([site], [], last);
  assert.equal(draft.site, 'here');
  assert.equal(draft.lane, 'interactive');
  assert.equal(draft.account, 'ab');
  assert.equal(draft.target, 7);
});

test('a draft becomes a request', () => {
  const draft = firstDraft([site], [], { shape: OWN, adaptive: true });
  const { main } = toSpec(draft).groups;
  assert.deepEqual(main.adapt, { minimum: 0, maximum: 4 });
  assert.equal(main.shape.cores, 1);
});
