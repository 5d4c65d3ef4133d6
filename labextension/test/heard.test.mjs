import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heldAt, mayHaveChanged, unproved } from '../lib/model/heard.js';

test('times stand still at the last word of who is silent, or whom we do not hear of', () => {
  assert.equal(heldAt({ at: 10, silent: false }, true), null);
  assert.equal(heldAt({ at: 10, silent: true }, true), 10);
  assert.equal(heldAt({ at: 10, silent: false }, false), 10);
  assert.equal(heldAt({ at: null, silent: true }, true), null);
});

test('what has ended stays so, all else may have changed', () => {
  for (const state of ['PENDING', 'RUNNING', 'COMPLETING', 'UNKNOWN']) {
    assert.ok(mayHaveChanged(state), state);
  }
  for (const state of ['COMPLETED', 'CANCELLED', 'TIMEOUT', 'OUT_OF_MEMORY']) {
    assert.ok(!mayHaveChanged(state), state);
  }
});

test('workers that are heard vouch for their job', () => {
  assert.ok(!unproved({ state: 'RUNNING', worker_state: 'working' }));
  assert.ok(unproved({ state: 'RUNNING', worker_state: 'starting' }));
  assert.ok(unproved({ state: 'PENDING', worker_state: 'pending' }));
});
