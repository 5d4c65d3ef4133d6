// The compiled modules leave out file endings, as bundlers like it; Node wants them.
import { register } from 'node:module';

const hook = `
export async function resolve(name, context, next) {
  const ours = name.startsWith('.') && context.parentURL?.includes('/labextension/lib/');
  const found = await next(ours && !name.endsWith('.js') ? name + '.js' : name, context);
  return found.url.includes('/labextension/lib/') ? { ...found, format: 'module' } : found;
}`;

register(`data:text/javascript,${encodeURIComponent(hook)}`);
