// Generated from docs/schema.json by `jlpm types`; do not edit.

/**
 * A way to start, from the cheapest to others to the dearest.
 */
export type WayKind = 'idle-workers' | 'own-workers' | 'reservation' | 'allocation' | 'preemption' | 'other-site';
/**
 * Slurm's words, and one of ours: UNKNOWN means that nobody answered, never that the job is gone.
 */
export type JobState =
  | 'PENDING'
  | 'CONFIGURING'
  | 'RUNNING'
  | 'SUSPENDED'
  | 'REQUEUED'
  | 'COMPLETING'
  | 'COMPLETED'
  | 'CANCELLED'
  | 'FAILED'
  | 'TIMEOUT'
  | 'PREEMPTED'
  | 'NODE_FAIL'
  | 'OUT_OF_MEMORY'
  | 'BOOT_FAIL'
  | 'DEADLINE'
  | 'UNKNOWN';
/**
 * To what of ours a job belongs, by its name's tag.
 */
export type Belongs = 'cluster' | 'run' | 'none';
/**
 * The kinds of answers.
 */
export type Category =
  | 'resources'
  | 'priority'
  | 'limit'
  | 'dependency'
  | 'held'
  | 'reservation'
  | 'node-down'
  | 'begin-time'
  | 'not-considered'
  | 'running'
  | 'completed'
  | 'preempted'
  | 'failed'
  | 'timed-out'
  | 'out-of-memory'
  | 'cancelled'
  | 'node-failure'
  | 'unknown';
/**
 * The batch systems that are run for real.
 */
export type SiteKind = 'local' | 'slurm';
/**
 * How a site is. UNKNOWN: nobody answered; that says nothing about its jobs.
 */
export type Health = 'up' | 'degraded' | 'down' | 'unknown';
/**
 * Where a cluster is in its life.
 */
export type ClusterState = 'starting' | 'running' | 'stopping' | 'stopped' | 'failed' | 'unknown';
/**
 * Which of the counts a job's workers are in.
 */
export type WorkerState = 'requested' | 'pending' | 'starting' | 'working' | 'lost' | 'leaving';
/**
 * What a run executes.
 */
export type Kind = 'cell' | 'call' | 'script';
/**
 * Where a run is in its life, in this order; the last five are its ends.
 */
export type RunState =
  | 'planned'
  | 'submitted'
  | 'queued'
  | 'allocated'
  | 'started'
  | 'running'
  | 'succeeded'
  | 'failed'
  | 'missed'
  | 'cancelled'
  | 'lost';

/**
 * The agent, about itself.
 */
export interface About {
  version: string;
  api: number;
  pid: number;
  host: string;
  started_at: number;
  memory: number;
  cpu_seconds: number;
  leaves: string;
}
/**
 * Bounds between which a group follows its load, and how patiently.
 */
export interface AdaptRequest {
  minimum?: number;
  maximum: number;
  idle?: number;
}
/**
 * Bounds between which a group follows its load, and how patiently.
 */
export interface Adapt {
  minimum: number;
  maximum: number;
  idle: number;
}
/**
 * One try of a run: where, when, why, outcome, cost. All its copies together.
 */
export interface Attempt {
  number: number;
  way: WayKind;
  name: string;
  why: string;
  job_id: string | null;
  nodes: string[];
  exclude: string[];
  submitted_at: number;
  allocated_at: number | null;
  started_at: number | null;
  running_at: number | null;
  ended_at: number | null;
  outcome: ('won' | 'answered' | 'lost' | 'unanswered' | 'refused' | 'cancelled' | 'preempted') | null;
  detail: string;
  preempted: string[];
  core_seconds: number;
  accounted: boolean;
}
/**
 * The urgent runs of everybody (as far as the accounting tells), and where the caller's own ledger differs.
 */
export interface Audit {
  site: string;
  since: number;
  rows: AuditRow[];
  differences: string[];
}
/**
 * One attempt as the batch system's accounting tells it.
 */
export interface AuditRow {
  run: string;
  attempt: number;
  user: string;
  account: string;
  lane: string;
  job_id: string;
  state: JobState;
  submitted_at: number | null;
  waited: number | null;
  core_seconds: number;
  node: string;
}
/**
 * How many jobs were asked to go.
 */
export interface Cancellation {
  jobs: number;
}
/**
 * This is now so. A client whose revision is not the one before fetches the snapshot.
 *
 * ``ping`` and ``here`` have the revision of the change before them; ``here`` without a job: none is known.
 */
export interface Change {
  revision: number;
  kind: 'snapshot' | 'cluster' | 'cluster-gone' | 'run' | 'run-gone' | 'site' | 'foreign' | 'here' | 'ping';
  snapshot: Snapshot | null;
  cluster: ClusterView | null;
  run: RunView | null;
  name: string | null;
  site: SiteStatus | null;
  foreign: Job[] | null;
  here: Here | null;
}
/**
 * Everything, at one revision.
 */
export interface Snapshot {
  revision: number;
  at: number;
  sites: SiteStatus[];
  clusters: ClusterView[];
  runs: RunView[];
  foreign: Job[];
}
/**
 * A site with how it is: what doors show of it.
 */
export interface SiteStatus {
  site: Site;
  health: Health;
  detail: string;
  asked_at: number | null;
  silent: boolean;
  latency: number | null;
  requests: number;
  waiting: number;
  accounts: string[];
  waits: {
    [k: string]: Wait;
  };
}
/**
 * A computing centre's batch system as this user reaches it.
 */
export interface Site {
  name: string;
  title: string;
  python: string | null;
  lanes: {
    [k: string]: Lane;
  };
  shapes: {
    [k: string]: Shape;
  };
  prologue: string[];
  proposed: boolean;
  kind: SiteKind;
  transport: string;
  ssh_options: string[];
  spool: string;
  io_probes: string[] | null;
  slots: number | null;
  head: HeadSettings;
  polling: Polling;
  snapshot: string | null;
  metrics: string | null;
  metrics_token: string | null;
}
/**
 * An offer that a person picks; the centre's staff say what it means to the batch system.
 */
export interface Lane {
  title: string;
  partition: string | null;
  qos: string | null;
  account: string | null;
  reservation: string | null;
  time_limit: number;
  max_time: number | null;
  max_workers: number;
  max_cores: number | null;
  max_memory: number | null;
  max_gpus: number | null;
  groups: string[];
  preemptible: boolean;
  grace: number;
  cost_factor: number;
  python: string | null;
  priority: number;
}
/**
 * What one job of a worker group asks for, and how many worker processes share it.
 */
export interface Shape {
  cores: number;
  memory: number;
  gpus: number;
  processes: number;
}
/**
 * Where the head of a cluster runs and on which address it listens.
 */
export interface HeadSettings {
  placement: 'host' | 'job';
  host: string | null;
  lane: string | null;
  shape: Shape;
}
/**
 * How often the batch system may be asked, in seconds; its own slowness stretches these further.
 */
export interface Polling {
  busy: number;
  rest: number;
  timeout: number;
}
/**
 * How long jobs waited in the queue: seconds, with how many jobs they rest on.
 */
export interface Wait {
  median: number;
  p95: number;
  count: number;
}
/**
 * A cluster as it is now: the whole truth a card shows.
 */
export interface ClusterView {
  name: string;
  uid: string;
  site: string;
  state: ClusterState;
  account: string | null;
  python: string;
  created_at: number;
  head: HeadView;
  groups: {
    [k: string]: GroupView;
  };
  load: Load;
  notes: Note[];
  problem: Problem | null;
  holder: string | null;
  asked_at: number | null;
  silent: boolean;
  core_hours: number;
}
/**
 * The cluster's head: where, and how it is.
 */
export interface HeadView {
  state: 'starting' | 'up' | 'unknown' | 'down';
  address: string | null;
  placement: 'host' | 'job';
  job_id: string | null;
  started_at: number | null;
}
/**
 * A group as it is now.
 */
export interface GroupView {
  name: string;
  lane: string;
  shape: Shape;
  target: number;
  adapt: Adapt | null;
  maximum: number;
  time_limit: number;
  counts: Counts;
  jobs: JobView[];
  problem: Problem | null;
}
/**
 * Workers by where they are. All numbers count worker processes.
 */
export interface Counts {
  requested: number;
  pending: number;
  starting: number;
  working: number;
  lost: number;
}
/**
 * A job of a group with what is known of its workers.
 */
export interface JobView {
  id: string;
  group: string;
  state: JobState;
  worker_state: WorkerState;
  workers: number;
  replaced: number;
  reason: string;
  reason_text: string;
  node: string;
  restarts: number;
  submitted_at: number | null;
  expected_start: number | null;
  started_at: number | null;
  ends_at: number | null;
}
/**
 * Something a person should know. *retry_at*: when we try again by ourselves.
 */
export interface Problem {
  message: string;
  hint: string;
  since: number;
  retry_at: number | null;
}
/**
 * What the Dask scheduler says of work and memory. Bytes and counts.
 */
export interface Load {
  tasks: number;
  processing: number;
  threads: number;
  memory: number;
  memory_limit: number;
  desired: number;
  clients: number;
  cpu: number;
  round_trip: number | null;
  sent: number;
}
/**
 * One line of a cluster's diary.
 */
export interface Note {
  at: number;
  level: 'info' | 'warning' | 'error';
  text: string;
}
/**
 * A run as it is now: what a card and the stage line show.
 */
export interface RunView {
  id: string;
  kind: Kind;
  title: string;
  site: string;
  lane: string;
  cluster: string | null;
  account: string | null;
  shape: Shape;
  tasks: number;
  copies: number;
  state: RunState;
  reason: string;
  plan: Plan;
  attempts: Attempt[];
  stages: {
    [k: string]: number;
  };
  created_at: number;
  deadline_at: number | null;
  budget: number | null;
  urgency: string;
  problem: Problem | null;
  mailbox: string;
  settled: boolean;
  winner: number | null;
  seconds: number | null;
  core_hours: number;
  wasted_core_hours: number;
  holder: string | null;
}
/**
 * What would happen, before it does.
 */
export interface Plan {
  at: number;
  ways: Way[];
  chosen: WayKind | null;
  why: string;
  otherwise: WayKind | null;
}
/**
 * One way to start, as it looks now.
 */
export interface Way {
  kind: WayKind;
  possible: boolean;
  name: string;
  why: string;
  lane: string | null;
  start: Estimate | null;
  price: number;
  disturbs: string;
  chance: number | null;
}
/**
 * Seconds until the start, from earlier starts of the same kind: with how many it rests on.
 */
export interface Estimate {
  p50: number;
  p95: number;
  count: number;
}
/**
 * One batch job (an array's element is a job of its own). Times in seconds since 1970 UTC.
 */
export interface Job {
  id: string;
  user: string;
  name: string;
  state: JobState;
  reason: string;
  lane: string;
  partition: string;
  qos: string;
  account: string;
  cores: number;
  nodes: number;
  memory: number;
  gpus: number;
  time_limit: number | null;
  exit_code: number | null;
  node: string;
  restarts: number;
  submitted_at: number | null;
  eligible_at: number | null;
  expected_start: number | null;
  started_at: number | null;
  ends_at: number | null;
}
/**
 * The batch job that the reader's Jupyter server runs in, and ends with.
 */
export interface Here {
  site: string;
  job: Job;
}
/**
 * One line of the doctor's report.
 */
export interface Check {
  name: string;
  outcome: 'ok' | 'warning' | 'failed' | 'not-checked';
  text: string;
  hint: string;
}
/**
 * How a Dask client of the same user reaches a cluster: *paths* of credentials, never their content.
 */
export interface Connection {
  address: string;
  ca_file: string;
  cert_file: string;
  key_file: string;
  dashboard_socket: string;
}
/**
 * The request for a new cluster.
 */
export interface CreateCluster {
  name: string;
  site?: string | null;
  groups?: {
    [k: string]: GroupSpec;
  };
  environment?: Environment | null;
  placement?: ('host' | 'job') | null;
  account?: string | null;
  idle_timeout?: number;
}
/**
 * Workers of one kind: lane, shape, and how many there should be.
 */
export interface GroupSpec {
  lane?: string | null;
  shape?: string | ShapeRequest | null;
  time_limit?: number | null;
  target?: number;
  adapt?: AdaptRequest | null;
}
/**
 * What one job of a worker group asks for, and how many worker processes share it.
 */
export interface ShapeRequest {
  cores?: number;
  memory?: number;
  gpus?: number;
  processes?: number;
}
/**
 * The interpreter that head and workers run, and the directory they start in.
 */
export interface Environment {
  python: string;
  directory?: string | null;
}
/**
 * The answer to "why?" about one job.
 */
export interface Explanation {
  job: Job;
  category: Category;
  sentence: string;
  facts: Fact[];
  advice: string;
  code: string;
  at: number;
  silence: string;
  commands: string[];
  offers: boolean;
}
/**
 * One piece of evidence; *read* False: it could not be read, and *value* says why.
 */
export interface Fact {
  label: string;
  value: string;
  read: boolean;
}
/**
 * An error on its way to a person.
 */
export interface Fault {
  error: string;
  message: string;
  hint: string;
}
/**
 * A number that may be a lower bound: jobs that still wait count with their age so far.
 */
export interface Figure {
  value: number;
  at_least: boolean;
}
/**
 * The user's runs, the latest first.
 */
export interface Ledger {
  runs: RunView[];
}
/**
 * The end of a job's log, or what was written since.
 */
export interface LogTail {
  job_id: string;
  path: string;
  text: string;
  truncated: boolean;
  start: number;
  end: number;
}
/**
 * Nodes of a site that are in the same state for the same reason.
 */
export interface NodesView {
  state: string;
  count: number;
  names: string;
  out: boolean;
  reason: string;
}
/**
 * Workers as somebody would ask for them; lane, shape and time are the site's usual ones when left out.
 */
export interface OffersRequest {
  lane?: string | null;
  shape?: string | ShapeRequest | null;
  workers?: number;
  time_limit?: number | null;
  account?: string | null;
}
/**
 * A change of a cluster: its groups by name.
 */
export interface PatchCluster {
  groups: {
    [k: string]: PatchGroup;
  };
}
/**
 * A change of one group: a fixed target, or bounds to follow the load (`adapt`); not both.
 */
export interface PatchGroup {
  target?: number | null;
  adapt?: AdaptRequest | null;
}
/**
 * One value in a chart.
 */
export interface Point {
  at: number;
  value: number;
}
/**
 * Commands by which the batch system itself enforces the lanes.
 */
export interface Policy {
  site: string;
  text: string;
}
/**
 * A site's jobs. *at*: when the batch system said so; None where it never has.
 */
export interface Queue {
  site: string;
  everybody: boolean;
  at: number | null;
  silent: boolean;
  health: Health;
  detail: string;
  rows: QueueRow[];
  totals: QueueTotal[];
  left_out: number;
  command: string;
}
/**
 * A job, or *count* jobs of one array in the same state for the same reason: then the first of them.
 */
export interface QueueRow {
  id: string;
  user: string;
  name: string;
  state: JobState;
  reason: string;
  lane: string;
  partition: string;
  qos: string;
  account: string;
  cores: number;
  nodes: number;
  memory: number;
  gpus: number;
  time_limit: number | null;
  exit_code: number | null;
  node: string;
  restarts: number;
  submitted_at: number | null;
  eligible_at: number | null;
  expected_start: number | null;
  started_at: number | null;
  ends_at: number | null;
  count: number;
  elements: string;
  mine: boolean;
  belongs: Belongs;
  owner: string;
  state_text: string;
  reason_text: string;
}
/**
 * Jobs and cores in one state, those of rows that were left out included.
 */
export interface QueueTotal {
  state: string;
  jobs: number;
  cores: number;
}
/**
 * The doctor's report of one site.
 */
export interface Report {
  site: string;
  at: number;
  checks: Check[];
}
/**
 * All series, at one revision.
 */
export interface Responsiveness {
  at: number;
  revision: number;
  series: SeriesView[];
}
/**
 * One measured quantity of one thing: a lane's waits, an operation of a file system.
 */
export interface SeriesView {
  metric: string;
  unit: 'seconds' | 'ratio';
  labels: {
    [k: string]: string;
  };
  lately: Summary;
  baseline: Summary;
  points: Point[];
}
/**
 * What a window of samples says. Nothing is said where there are none.
 */
export interface Summary {
  count: number;
  waiting: number;
  window: number;
  age: number | null;
  p50: Figure | null;
  p95: Figure | null;
  maximum: Figure | null;
  variation: number | null;
  tail: number | null;
}
/**
 * The request for a run. Nothing is submitted before its payload lies in the mailbox and it is started.
 */
export interface RunOrder {
  kind?: Kind;
  title?: string;
  site?: string | null;
  lane?: string | null;
  cluster?: string | null;
  shape?: string | ShapeRequest | null;
  account?: string | null;
  script?: string | null;
  interpreter?: string;
  tasks?: number;
  copies?: number;
  workers?: number;
  deadline?: number | null;
  time_limit?: number | null;
  budget?: number | null;
  reason?: string;
  preempt?: boolean;
  let_go?: boolean;
  go_on?: boolean;
  environment?: Environment | null;
}
/**
 * The batch script of a group, and the command that submits it.
 */
export interface Script {
  text: string;
  command: string;
}
/**
 * One way to ask, and when the batch system expects all of it to run.
 */
export interface StartOffer {
  what: string;
  site: string;
  lane: string;
  shape: Shape;
  workers: number;
  time_limit: number;
  expected_start: number | null;
  price: number;
  told: string;
}
/**
 * Offers, the one that was asked for first, those at other sites last.
 */
export interface StartOffers {
  site: string;
  at: number;
  offers: StartOffer[];
  job_start: number | null;
  silence: string;
}
/**
 * How everything is. UNKNOWN: nobody has measured it lately; that is no fault.
 */
export interface Status {
  at: number;
  subsystems: Subsystem[];
}
/**
 * How one part of the whole is, by a number beside its threshold.
 */
export interface Subsystem {
  kind: 'scheduler' | 'nodes' | 'file-system' | 'agent' | 'workers' | 'network';
  name: string;
  health: Health;
  number: number | null;
  unit: 'seconds' | 'workers' | 'nodes';
  threshold: number;
  age: number | null;
  detail: string;
  nodes: NodesView[];
}
/**
 * All columns are as long as *moments*, oldest first; null where the head was not heard.
 */
export interface Timeline {
  cluster: string;
  at: number;
  revision: number;
  window: number;
  moments: number[];
  requested: number[];
  pending: number[];
  starting: number[];
  working: number[];
  lost: number[];
  tasks: (number | null)[];
  processing: (number | null)[];
  memory: (number | null)[];
  memory_limit: (number | null)[];
  transfer: (number | null)[];
}
