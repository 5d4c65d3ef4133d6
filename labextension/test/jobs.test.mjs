import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  canHaveLog,
  firstStart,
  fold,
  inArray,
  ranges
} from '../lib/model/jobs.js';
import { job } from './examples.mjs';

const jobs = (n, more = {}, array = '8_') =>
  Array.from({ length: n }, (_, i) => job(`${array}${i}`, more));
const waiting = { state: 'PENDING', worker_state: 'pending' };
const sizes = rows => rows.map(row => row.jobs.length);

test('ids become ranges as Slurm writes them', () => {
  assert.equal(ranges(['8_0', '8_1', '8_2']), '8_[0-2]');
  assert.equal(ranges(['8_10', '8_9', '8_2', '8_1', '8_5']), '8_[1-2,5,9-10]');
  assert.equal(ranges(['8_3']), '8_3');
  assert.equal(ranges(['101', '102', '104']), '101-102,104');
  assert.equal(ranges(['8_0', '8_1', '9_4']), '8_[0-1],9_4');
  assert.equal(ranges(['odd', '8']), '8,odd');
  assert.equal(ranges([]), '');
});

test('ranges with many gaps are cut where asked', () => {
  const ids = [0, 2, 4, 6, 8].map(n => `8_${n}`);
  assert.equal(ranges(ids, 3), '8_[0,2,4,…]');
  assert.equal(ranges(ids, 5), '8_[0,2,4,6,8]');
});

test('an id in its array', () => {
  assert.deepEqual(inArray('8_3'), ['8', '_3']);
  assert.deepEqual(inArray('101'), ['', '101']);
});

test('waiting jobs of one state, reason and array are one row', () => {
  const rows = fold([
    ...jobs(2),
    ...jobs(12, { ...waiting, reason: 'Resources' }, '9_'),
    ...jobs(3, { ...waiting, reason: 'Priority' }, '10_'),
    ...jobs(2, { ...waiting, reason: 'Resources' }, '10_')
  ]);
  assert.deepEqual(sizes(rows), [1, 1, 12, 3, 2]);
  assert.equal(ranges(rows[2].jobs.map(one => one.id)), '9_[0-11]');
});

test('a fold stands where its first job is, its jobs in the order of their numbers', () => {
  const rows = fold([
    job('8_10', waiting),
    job('7_0'),
    job('8_9', waiting),
    job('8_2', waiting)
  ]);
  assert.deepEqual(
    rows.map(row => row.jobs.map(one => one.id)),
    [['8_2', '8_9', '8_10'], ['7_0']]
  );
});

test('running jobs are one row only where they are many', () => {
  assert.deepEqual(sizes(fold(jobs(12))), Array(12).fill(1));
  assert.deepEqual(sizes(fold(jobs(13))), [13]);
  const mixed = jobs(13).map((one, i) =>
    i % 2 ? { ...one, worker_state: 'starting' } : one
  );
  assert.equal(fold(mixed).length, 13);
});

test('a fold keeps its key when the reason of all changes', () => {
  const [before] = fold(jobs(3, { ...waiting, reason: 'Priority' }));
  const [after] = fold(jobs(2, { ...waiting, reason: 'Resources' }));
  assert.equal(before.key, after.key);
  const two = fold([
    job('8_0', { ...waiting, reason: 'Priority' }),
    job('8_1', { ...waiting, reason: 'Priority' }),
    job('8_2', { ...waiting, reason: 'Resources' }),
    job('8_3', { ...waiting, reason: 'Resources' })
  ]);
  assert.notEqual(two[0].key, two[1].key);
});

test('thousands of jobs are folded in no time', () => {
  const many = jobs(20_000, waiting);
  const began = Date.now();
  const [row] = fold(many);
  assert.equal(ranges(row.jobs.map(one => one.id)), '8_[0-19999]');
  assert.ok(Date.now() - began < 1000);
});

test('the earliest expected start of those that have not started', () => {
  assert.equal(firstStart(jobs(2, waiting)), null);
  const some = [
    job('8_0', { ...waiting, expected_start: 200 }),
    job('8_1', waiting),
    job('8_2', { ...waiting, expected_start: 100 }),
    job('8_3', { expected_start: 50, started_at: 50 })
  ];
  assert.equal(firstStart(some), 100);
});

test('a job has a log once it ran, also when it waits again', () => {
  assert.equal(canHaveLog(job('8_0')), true);
  assert.equal(canHaveLog(job('8_0', waiting)), false);
  assert.equal(canHaveLog(job('8_0', { ...waiting, restarts: 1 })), true);
  assert.equal(canHaveLog(job('8_0', { state: 'REQUEUED' })), true);
});
