import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Store } from '../lib/model/store.js';
import { change, run, snapshot } from './examples.mjs';

function begin(t, ...runs) {
  const socket = { close() {} };
  const asked = [];
  const api = {
    stream: () => socket,
    deleteRun: id =>
      new Promise((resolve, reject) => asked.push({ id, resolve, reject }))
  };
  const store = new Store(api);
  t.after(() => store.dispose());
  let revision = 1;
  const say = (kind, more) =>
    socket.onmessage({
      data: JSON.stringify(change(revision++, kind, more))
    });
  say('snapshot', { snapshot: snapshot(1, [], runs) });
  return { store, say, asked };
}

const running = run('a', { state: 'running' });
const over = run('a', { state: 'cancelled', stages: { cancelled: 3 } });

test('a run that is asked to end says so until it has', async t => {
  const { store, say, asked } = begin(t, running);
  const done = store.removeRun('a');
  assert.equal(store.cancelling(running), true);
  asked[0].resolve(running);
  await done;
  assert.equal(store.cancelling(store.run('a')), true, 'only asked for yet');
  say('run', { run: over });
  assert.equal(store.cancelling(store.run('a')), false);
});

test('an answer that comes after the end does not bring the run back to life', async t => {
  const { store, say, asked } = begin(t, running);
  const done = store.removeRun('a');
  say('run', { run: over });
  asked[0].resolve(running);
  await done;
  assert.equal(store.run('a').state, 'cancelled');
});

test('a refusal leaves the run as it is, and is told', async t => {
  const { store, asked } = begin(t, running);
  const done = store.removeRun('a');
  asked[0].reject(new Error('Looked after on another host.'));
  await assert.rejects(done, /another host/);
  assert.equal(store.cancelling(store.run('a')), false);
});

test('a forgotten run leaves the list', async t => {
  const { store, asked } = begin(t, over);
  const done = store.removeRun('a');
  asked[0].resolve(undefined);
  await done;
  assert.deepEqual(store.state.runs, []);
});
