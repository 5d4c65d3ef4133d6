import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  attachCode,
  brief,
  called,
  chosen,
  foremost,
  left,
  outcome,
  price,
  soFar,
  start,
  tries,
  urgently,
  verdict
} from '../lib/model/runs.js';
import { stages } from '../lib/model/stages.js';
import { attempt, run } from './examples.mjs';

const told = view =>
  stages(view).map(({ name, is, seconds }) =>
    [name, is, ...(seconds === null ? [] : [seconds])].join(' ')
  );

test('each stage has the time till the next that was reached; the present one counts on', () => {
  const view = run('a', {
    state: 'started',
    stages: { planned: 100, submitted: 101, allocated: 104, started: 104.5 }
  });
  assert.deepEqual(told(view), [
    'planned done 1',
    'submitted done 3',
    'queued skipped',
    'allocated done 0.5',
    'started now',
    'running next',
    'result next'
  ]);
  assert.equal(stages(view)[4].at, 104.5);
});

test('a further attempt begins anew: later stages of the one before are not shown', () => {
  const view = run('a', {
    state: 'queued',
    stages: { planned: 100, submitted: 120, queued: 121, running: 110 }
  });
  assert.deepEqual(told(view).slice(1), [
    'submitted done 1',
    'queued now',
    'allocated next',
    'started next',
    'running next',
    'result next'
  ]);
});

test('the last stage that an ended run reached lasted till its end', () => {
  const done = { planned: 100, submitted: 101, running: 103, succeeded: 108 };
  const view = run('a', { state: 'succeeded', stages: done });
  assert.deepEqual(told(view).slice(-2), ['running done 5', 'result done']);
  const never = { planned: 100, submitted: 101, cancelled: 102 };
  assert.deepEqual(told(run('b', { state: 'cancelled', stages: never })), [
    'planned done 1',
    'submitted done 1',
    'queued skipped',
    'allocated skipped',
    'started skipped',
    'running skipped',
    'result skipped'
  ]);
});

test('a stage too short to be seen is known from the attempt that answered', () => {
  const times = { submitted_at: 101, allocated_at: 101.5 };
  const driver = { ...times, started_at: 101.75, running_at: 102 };
  const view = run('a', {
    state: 'succeeded',
    stages: { planned: 100, submitted: 101, succeeded: 102.5 },
    attempts: [attempt(1, driver), attempt(2, { submitted_at: 102.25 })],
    winner: 1
  });
  assert.deepEqual(told(view), [
    'planned done 1',
    'submitted done 0.5',
    'queued skipped',
    'allocated done 0.25',
    'started done 0.25',
    'running done 0.5',
    'result done'
  ]);
});

test('the time that is left, from all to none', () => {
  const view = run('a', { deadline_at: 160 });
  assert.deepEqual(
    [90, 100, 145, 160, 900].map(now => left(view, now)),
    [1, 1, 0.25, 0, 0]
  );
  assert.equal(left(run('b'), 500), 1);
});

test('an end beside its deadline', () => {
  const at = end => ({ state: 'succeeded', stages: { succeeded: end } });
  const until = { deadline_at: 160 };
  assert.equal(
    verdict(run('a', { ...until, ...at(148) })),
    'answered 12 s before the deadline'
  );
  assert.equal(
    verdict(run('a', { ...until, ...at(161) })),
    'answered 1.0 s after the deadline'
  );
  assert.equal(verdict(run('a', at(148))), '');
  assert.equal(
    verdict(run('a', { ...until, state: 'missed', stages: { missed: 160 } })),
    'deadline missed'
  );
  const gone = { state: 'cancelled', stages: { cancelled: 120 } };
  assert.equal(verdict(run('a', { ...until, ...gone })), '');
});

test('attempts in words', () => {
  assert.equal(tries([attempt(1)]), '1 attempt');
  assert.equal(
    tries([attempt(1, { outcome: 'lost' }), attempt(2, { outcome: 'won' })]),
    '2 attempts: 1 lost'
  );
  assert.equal(outcome(attempt(1)), 'waiting');
  assert.equal(outcome(attempt(1, { allocated_at: 1 })), 'starting');
  assert.equal(
    outcome(attempt(1, { allocated_at: 1, running_at: 2 })),
    'running'
  );
  assert.equal(
    outcome(attempt(1, { outcome: 'answered' })),
    'answered, not first'
  );
});

test('starts, prices and small times', () => {
  const known = { p50: 0.84, p95: 190, count: 12 };
  assert.equal(start({ start: known }), '0.84 s, p95 3 min (n=12)');
  assert.equal(start({ start: null }), 'unknown');
  assert.equal(start({ start: { ...known, count: 0 } }), 'unknown');
  assert.deepEqual([0, 0.004, 0.25, 2].map(price), [
    'free',
    '<0.01 core-h',
    '0.25 core-h',
    '2 core-h'
  ]);
  assert.deepEqual([-1, 0.31, 12, 600].map(brief), [
    '0.00 s',
    '0.31 s',
    '12 s',
    '10 min'
  ]);
});

test('a live run costs what its jobs have held, before anybody accounts for it', () => {
  const lost = attempt(1, { allocated_at: 100, ended_at: 460 });
  const now = attempt(2, { started_at: 640 });
  const cluster = attempt(3, { way: 'idle-workers', started_at: 0 });
  const waiting = attempt(4);
  const view = run('a', { attempts: [lost, now, cluster, waiting], copies: 2 });
  assert.equal(soFar(view, 0.5, 1000), 0.4);
  const told = attempt(1, { allocated_at: 100, core_seconds: 720 });
  assert.equal(
    soFar(run('b', { attempts: [told], core_hours: 0.2 }), 1, 1000),
    0.2
  );
});

test('the run to look at first is the live one whose deadline is next', () => {
  const runs = [
    run('latest'),
    run('later', { deadline_at: 900 }),
    run('next', { deadline_at: 300 }),
    run('over', { deadline_at: 200, state: 'succeeded' })
  ];
  assert.equal(foremost(runs, 210).id, 'next');
  assert.equal(foremost(runs, 300).id, 'later');
  assert.equal(foremost(runs, 900).id, 'latest');
  assert.equal(foremost([runs[0], runs[3]], 0).id, 'latest');
  assert.equal(foremost([runs[3]], 0), undefined);
});

test('a cell is made urgent once', () => {
  assert.equal(urgently('x = 1'), '%%urgent\nx = 1');
  const own = '\n%%urgent 10m --lane urgent\nx = 1';
  assert.equal(urgently(own), own);
  assert.equal(urgently('%%urgently\n'), '%%urgent\n%%urgently\n');
  assert.equal(attachCode('r1'), '%runs attach r1');
});

test('the way that was chosen, and how a run is called', () => {
  const ways = [{ kind: 'allocation' }, { kind: 'preemption', disturbs: 'B' }];
  assert.equal(chosen({ ways, chosen: 'preemption' }).disturbs, 'B');
  assert.equal(chosen({ ways, chosen: null }), undefined);
  assert.equal(called(run('r1')), 'alert = locate(stream) (planned, r1)');
});
