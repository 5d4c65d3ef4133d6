import type {
  Change,
  ClusterView,
  Here,
  Job,
  RunView,
  SiteStatus,
  Snapshot
} from '../wire';

/** What the server said last: a value, never changed in place. */
export interface IState {
  readonly revision: number;
  readonly sites: readonly SiteStatus[];
  readonly clusters: readonly ClusterView[];
  readonly runs: readonly RunView[];
  readonly foreign: readonly Job[];
  /** The job that this Jupyter server runs in, where it is one that is known. */
  readonly here: Here | null;
}

export const EMPTY: IState = {
  revision: -1,
  sites: [],
  clusters: [],
  runs: [],
  foreign: [],
  here: null
};

/** What a snapshot says; *here* is told on the stream alone, and stays. */
export function fromSnapshot(
  snapshot: Snapshot,
  here: Here | null = null
): IState {
  return {
    revision: snapshot.revision,
    sites: snapshot.sites,
    clusters: oldestFirst(snapshot.clusters),
    runs: latestFirst(snapshot.runs),
    foreign: snapshot.foreign,
    here
  };
}

/** The state after a change. A change is complete in itself, so it is good even after a gap. */
export function apply(state: IState, change: Change): IState {
  const next = { ...state, revision: change.revision };
  switch (change.kind) {
    case 'snapshot':
      return change.snapshot ? fromSnapshot(change.snapshot, state.here) : next;
    case 'cluster':
      return change.cluster ? withCluster(next, change.cluster) : next;
    case 'cluster-gone':
      return withoutCluster(next, change.name);
    case 'run':
      return change.run ? withRun(next, change.run) : next;
    case 'run-gone':
      return withoutRun(next, change.name);
    case 'site':
      return change.site ? withSite(next, change.site) : next;
    case 'foreign':
      return { ...next, foreign: change.foreign ?? [] };
    case 'here':
      return { ...next, here: change.here };
    case 'ping':
      return next;
  }
}

/** Whether something between *state* and *change* was missed. */
export function missed(state: IState, change: Change): boolean {
  if (change.kind === 'snapshot') {
    return false;
  }
  const step = change.revision - state.revision;
  const beside = change.kind === 'ping' || change.kind === 'here';
  return step !== 1 && !(beside && step === 0);
}

export function withCluster(state: IState, cluster: ClusterView): IState {
  const others = state.clusters.filter(one => one.name !== cluster.name);
  return { ...state, clusters: oldestFirst([...others, cluster]) };
}

export function withoutCluster(state: IState, name: string | null): IState {
  return { ...state, clusters: state.clusters.filter(c => c.name !== name) };
}

export function withRun(state: IState, run: RunView): IState {
  const others = state.runs.filter(one => one.id !== run.id);
  return { ...state, runs: latestFirst([...others, run]) };
}

export function withoutRun(state: IState, id: string | null): IState {
  return { ...state, runs: state.runs.filter(run => run.id !== id) };
}

function withSite(state: IState, site: SiteStatus): IState {
  const known = state.sites.some(one => one.site.name === site.site.name);
  const sites = known
    ? state.sites.map(one => (one.site.name === site.site.name ? site : one))
    : [...state.sites, site];
  return { ...state, sites };
}

// A card keeps its place while it lives: people aim at it.
function oldestFirst(clusters: readonly ClusterView[]): ClusterView[] {
  return [...clusters].sort(
    (a, b) => a.created_at - b.created_at || a.name.localeCompare(b.name)
  );
}

// Of runs the newest is the one to look at.
function latestFirst(runs: readonly RunView[]): RunView[] {
  return [...runs].sort(
    (a, b) => b.created_at - a.created_at || b.id.localeCompare(a.id)
  );
}
