import type { RunState } from '../wire';
import type { GlyphName } from './Glyph';

/** The drawing beside each state's word. */
export const RUN_GLYPHS: Record<RunState, GlyphName> = {
  planned: 'plan',
  submitted: 'busy',
  queued: 'wait',
  allocated: 'busy',
  started: 'busy',
  running: 'play',
  succeeded: 'ok',
  failed: 'failed',
  missed: 'warning',
  cancelled: 'stopped',
  lost: 'unknown'
};
