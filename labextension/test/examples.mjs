// Values of the vocabulary, as small as they may be.
export function group(more = {}) {
  return {
    name: 'main',
    lane: 'interactive',
    shape: { cores: 1, memory: 2 ** 30, gpus: 0, processes: 1 },
    target: 0,
    adapt: null,
    maximum: 16,
    time_limit: 3600,
    counts: { requested: 0, pending: 0, starting: 0, working: 0, lost: 0 },
    jobs: [],
    problem: null,
    ...more
  };
}

export function job(id, more = {}) {
  return {
    id,
    group: 'main',
    state: 'RUNNING',
    worker_state: 'working',
    workers: 1,
    reason: '',
    reason_text: '',
    node: '',
    restarts: 0,
    submitted_at: 0,
    expected_start: null,
    started_at: null,
    ends_at: null,
    ...more
  };
}

export function cluster(name, more = {}) {
  return {
    name,
    site: 'here',
    state: 'running',
    created_at: 0,
    groups: { main: group() },
    ...more
  };
}

export function run(id, more = {}) {
  return {
    id,
    kind: 'cell',
    title: 'alert = locate(stream)',
    site: 'here',
    lane: 'urgent',
    shape: { cores: 2, memory: 2 ** 30, gpus: 0, processes: 1 },
    tasks: 1,
    copies: 1,
    core_hours: 0,
    state: 'planned',
    attempts: [],
    winner: null,
    stages: { planned: 100 },
    created_at: 100,
    deadline_at: null,
    ...more
  };
}

export function attempt(number, more = {}) {
  return {
    number,
    way: 'allocation',
    submitted_at: null,
    allocated_at: null,
    started_at: null,
    running_at: null,
    ended_at: null,
    core_seconds: 0,
    outcome: null,
    ...more
  };
}

export function snapshot(revision, clusters = [], runs = []) {
  const at = Date.now() / 1000;
  return { revision, at, sites: [], clusters, runs, foreign: [] };
}

export function change(revision, kind, more = {}) {
  return { revision, kind, ...more };
}
