import { IhpcError } from './errors';
import type { Fault } from './wire';

/** JupyterHub's own answer in the place of a server that does not run. */
const NOT_RUNNING = 424;

/** What is told of an answer that is none: one of our faults, else what its status means. */
export function refusal(status: number, text: string): IhpcError {
  try {
    const fault = JSON.parse(text) as Partial<Fault>;
    if (fault.error && fault.message) {
      return new IhpcError(status, fault.message, fault.hint);
    }
  } catch {
    // Not one of our faults (a proxy's page, say): the status has to do.
  }
  if (status === 404) {
    return new IhpcError(
      status,
      'The Jupyter server knows nothing of HPC.',
      'Enable its part with: jupyter server extension enable ihpc_jupyter'
    );
  }
  if (status === 403 || status === 401) {
    return new IhpcError(
      status,
      'The Jupyter server refused the request.',
      'Log in again, then reload this page.'
    );
  }
  if (status === NOT_RUNNING) {
    return new IhpcError(
      status,
      'This Jupyter server is not running any more.',
      'Its job may have ended. Start it anew on the hub’s page; what was placed outside its job goes on.'
    );
  }
  return new IhpcError(status, `The Jupyter server answered ${status}.`);
}
