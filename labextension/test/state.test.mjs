import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply, EMPTY, fromSnapshot, missed } from '../lib/model/state.js';
import { change, cluster, run, snapshot } from './examples.mjs';

const names = state => state.clusters.map(one => one.name);

test('a change replaces its cluster and keeps the others in their places', () => {
  const a = cluster('a', { created_at: 1 });
  const b = cluster('b', { created_at: 2 });
  const before = fromSnapshot(snapshot(5, [b, a]));
  assert.deepEqual(names(before), ['a', 'b']);
  const failed = { ...a, state: 'failed' };
  const after = apply(before, change(6, 'cluster', { cluster: failed }));
  assert.deepEqual(names(after), ['a', 'b']);
  assert.equal(after.clusters[0].state, 'failed');
  assert.equal(before.clusters[0].state, 'running', 'values are not changed');
});

test('a cluster that is gone leaves the list', () => {
  const before = fromSnapshot(snapshot(5, [cluster('a')]));
  const after = apply(before, change(6, 'cluster-gone', { name: 'a' }));
  assert.deepEqual(names(after), []);
});

test('a gap in the revisions is noticed, a ping at the same revision is none', () => {
  const state = { ...EMPTY, revision: 5 };
  assert.equal(missed(state, change(6, 'cluster')), false);
  assert.equal(missed(state, change(8, 'cluster')), true);
  assert.equal(missed(state, change(5, 'ping')), false);
  assert.equal(missed(state, change(7, 'ping')), true);
  assert.equal(missed(state, change(1, 'cluster')), true, 'agent began anew');
  assert.equal(missed(state, change(99, 'snapshot')), false);
});

test('runs are kept, the latest first, and leave when they are forgotten', () => {
  const ids = state => state.runs.map(one => one.id);
  const old = run('a', { created_at: 1 });
  const before = fromSnapshot(snapshot(5, [], [old]));
  const fresh = run('b', { created_at: 2 });
  const two = apply(before, change(6, 'run', { run: fresh }));
  assert.deepEqual(ids(two), ['b', 'a']);
  const ended = { ...old, state: 'succeeded' };
  const three = apply(two, change(7, 'run', { run: ended }));
  assert.deepEqual(ids(three), ['b', 'a']);
  assert.equal(three.runs[1].state, 'succeeded');
  assert.equal(two.runs[1].state, 'planned', 'values are not changed');
  const gone = apply(three, change(8, 'run-gone', { name: 'b' }));
  assert.deepEqual(ids(gone), ['a']);
});

test('the job that the server runs in is told beside the revisions, and outlives snapshots', () => {
  const here = { site: 'bed', job: { id: '7' } };
  const before = fromSnapshot(snapshot(5));
  assert.equal(missed(before, change(5, 'here', { here })), false);
  const told = apply(before, change(5, 'here', { here }));
  assert.equal(told.here, here);
  const after = apply(told, change(9, 'snapshot', { snapshot: snapshot(9) }));
  assert.equal(after.here, here);
});
