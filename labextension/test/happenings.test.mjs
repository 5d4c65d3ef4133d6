import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Happenings } from '../lib/model/happenings.js';
import { run } from './examples.mjs';

const row = (id, state, more = {}) => ({
  ...{ id, state, name: 'a', mine: true, belongs: 'none', count: 1 },
  ...more
});
const texts = found => found.map(one => one.text);

test('a job is told of when it starts and when it ends, once', () => {
  const seen = new Happenings();
  const look = (...rows) => texts(seen.ofJobs('bed', rows));
  assert.deepEqual(look(row('1', 'PENDING'), row('2', 'COMPLETED')), []);
  const running = row('1', 'RUNNING');
  assert.deepEqual(look(running), ['Job 1 (a) at bed has started']);
  assert.deepEqual(look(running), []);
  assert.deepEqual(look(row('1', 'FAILED')), ['Job 1 (a) at bed: FAILED']);
  assert.deepEqual(look(row('1', 'FAILED')), []);
  assert.deepEqual(look(row('3', 'COMPLETED')), [
    'Job 3 (a) at bed: COMPLETED'
  ]);
});

test('how a job ended is told once that is known', () => {
  const seen = new Happenings();
  const look = (...rows) => seen.ofJobs('bed', rows);
  look(row('1', 'RUNNING'), row('2', 'PENDING'));
  assert.deepEqual(
    texts(look(row('1', 'COMPLETING'), row('2', 'COMPLETING'))),
    ['Job 2 (a) at bed has started']
  );
  const [good, bad] = look(row('1', 'COMPLETED'), row('2', 'FAILED'));
  assert.deepEqual(
    [good.text, good.outcome],
    ['Job 1 (a) at bed: COMPLETED', 'good']
  );
  assert.deepEqual(
    [bad.text, bad.outcome],
    ['Job 2 (a) at bed: FAILED', 'bad']
  );
});

test('what had ended before notifications were wanted is no news', () => {
  const seen = new Happenings(1000);
  const look = (...rows) => texts(seen.ofJobs('bed', rows));
  look(row('1', 'RUNNING')); // as somebody saw it a while ago
  const ended = (id, ends_at) => row(id, 'COMPLETED', { ends_at });
  assert.deepEqual(look(ended('1', 990), ended('2', 990), ended('3', 1010)), [
    'Job 1 (a) at bed: COMPLETED',
    'Job 3 (a) at bed: COMPLETED'
  ]);
});

test('an array is one job: told of at its first start and its last end', () => {
  const seen = new Happenings();
  const look = (...rows) => seen.ofJobs('bed', rows);
  look(row('9_0', 'PENDING', { count: 10 }));
  const started = look(row('9_0', 'RUNNING'), row('9_1', 'PENDING'));
  assert.equal(started[0].outcome, 'started');
  assert.deepEqual(look(row('9_0', 'COMPLETED'), row('9_1', 'RUNNING')), []);
  const [ended] = look(
    row('9_0', 'COMPLETED', { count: 9 }),
    row('9_1', 'TIMEOUT')
  );
  assert.equal(ended.text, 'Job 9 (a) at bed: 9 COMPLETED, TIMEOUT');
  assert.equal(ended.outcome, 'bad');
});

test('jobs of clusters and runs and of others are not told of', () => {
  const seen = new Happenings();
  seen.ofJobs('bed', []);
  const rows = [
    row('1', 'RUNNING', { belongs: 'cluster' }),
    row('2', 'RUNNING', { belongs: 'run' }),
    row('3', 'RUNNING', { mine: false })
  ];
  assert.deepEqual(seen.ofJobs('bed', rows), []);
});

test('a run is told of when it runs and when it ends', () => {
  const seen = new Happenings();
  const look = state => texts(seen.ofRuns([run('r', { title: 'x', state })]));
  assert.deepEqual(look('queued'), []);
  assert.deepEqual(look('running'), ['Urgent run x has started']);
  assert.deepEqual(look('running'), []);
  assert.deepEqual(look('succeeded'), ['Urgent run x: succeeded']);
  assert.deepEqual(look('succeeded'), []);
});
