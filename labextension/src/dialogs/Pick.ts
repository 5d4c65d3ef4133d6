import { InputDialog } from '@jupyterlab/apputils';

/** One of *names*: asked for only where there is a choice. */
export async function pick(
  title: string,
  names: readonly string[]
): Promise<string | null> {
  if (names.length < 2) {
    return names[0] ?? null;
  }
  const answer = await InputDialog.getItem({ title, items: [...names] });
  return answer.button.accept ? answer.value : null;
}
