import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusal } from '../lib/refusal.js';

test('one of our faults is told in its own words', () => {
  const fault = {
    error: 'not_found',
    message: 'There is none.',
    hint: 'Look.'
  };
  const told = refusal(404, JSON.stringify(fault));
  assert.deepEqual(
    [told.status, told.message, told.hint],
    [404, 'There is none.', 'Look.']
  );
});

test('a server whose job has ended is told as such, not by a number', () => {
  for (const text of ['<html>', '{"message": "not running"}']) {
    const told = refusal(424, text);
    assert.match(told.message, /not running any more/);
    assert.match(told.hint, /the hub’s page/);
  }
  assert.equal(refusal(502, '').message, 'The Jupyter server answered 502.');
});
