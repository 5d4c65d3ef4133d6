import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { IhpcError } from './errors';
import { refusal } from './refusal';

/** Asks `ihpc/api/PATH` for JSON. */
export async function request<T>(
  settings: ServerConnection.ISettings,
  path: string,
  init: RequestInit = {}
): Promise<T> {
  const response = await send(settings, path, init);
  const text = await response.text();
  if (!response.ok) {
    throw refusal(response.status, text);
  }
  return (text ? JSON.parse(text) : undefined) as T;
}

/** Times an empty request, in seconds: the server tells its part, the rest is the way to the server. */
export async function roundTrip(
  settings: ServerConnection.ISettings
): Promise<{ browser: number; agent: number }> {
  const began = performance.now();
  const response = await send(settings, 'ping');
  const took = performance.now() - began;
  if (!response.ok) {
    throw refusal(response.status, await response.text());
  }
  const told = response.headers.get('Server-Timing') ?? '';
  const agent = Number(/agent;dur=([\d.]+)/.exec(told)?.[1] ?? 0);
  return { browser: Math.max(0, took - agent) / 1000, agent: agent / 1000 };
}

/** The only place where this extension fetches. */
async function send(
  settings: ServerConnection.ISettings,
  path: string,
  init: RequestInit = {}
): Promise<Response> {
  const url = URLExt.join(settings.baseUrl, 'ihpc', 'api', path);
  try {
    return await ServerConnection.makeRequest(url, init, settings);
  } catch {
    throw new IhpcError(
      0,
      'The Jupyter server does not answer.',
      'Check the network; this page keeps trying.'
    );
  }
}

/** Opens `ihpc/api/stream`, with the token where the server wants it in the address. */
export function openStream(settings: ServerConnection.ISettings): WebSocket {
  let url = URLExt.join(settings.wsUrl, 'ihpc', 'api', 'stream');
  if (settings.appendToken && settings.token) {
    url += `?token=${encodeURIComponent(settings.token)}`;
  }
  return new settings.WebSocket(url);
}
