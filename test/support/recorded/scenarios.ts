/** What is asked of every engine, so that its adapter has to read each kind of answer once. */
import { callContext, hasEnded, sha256 } from '../../../adapters/conformance/world.js';
import { bornKey } from '../../../adapters/spi/born.js';
import type { BornPage } from '../../../adapters/spi/born.js';
import { OFFERED } from './recorder.js';
import type { Recording } from './recording.js';
import { RecordingSession } from './recording-session.js';
import type { RecordingStage } from './recording-stage.js';

/** One recording for each scenario, by its name. */
export async function recordScenarios(
  stage: RecordingStage,
  say: (line: string) => void,
): Promise<Map<string, Recording>> {
  const session = await RecordingSession.begin(stage, say);
  try {
    await askAll(stage, session);
    return session.recordings;
  } finally {
    await session.end();
  }
}

async function askAll(stage: RecordingStage, session: RecordingSession): Promise<void> {
  await session.record('ping', 'ping');

  await stage.forgetSentinel();
  await session.record('sentinel-written', 'sentinel');
  await session.record('sentinel-read', 'sentinel');

  const diamond = session.workflow('diamond', stage.native('diamond'));
  await session.record('register-new', 'register', diamond);
  const broken = session.workflow('broken', stage.broken);
  await session.adapter.register(broken, callContext());
  const offered = stage.people.offer('retrying', OFFERED, { key: 'tag', value: 'recorded' });
  // Engines that parse files do it for all of them at the same time.
  const fanOut = { items: [30, 10] };
  const [failed, retried, mapped, running, compiled, compiledFailed, compiledMapped] = await Promise.all([
    session.start('failing', stage.native('failing')),
    session.start('retrying', stage.native('retrying')),
    session.start('fan-out', stage.native('fan-out'), fanOut),
    session.start('sleeping', stage.native('sleeping')),
    session.start('compiled diamond', stage.compiled('diamond')),
    session.start('compiled failing', stage.compiled('failing')),
    session.start('compiled fan-out', stage.compiled('fan-out'), fanOut),
    session.registered(diamond),
    session.registered(broken, 'FAILED'),
    offered,
  ]);
  const reference = await offered;

  await session.record('register-again', 'register', diamond);
  await session.record('register-refused', 'register', broken);
  const referring = session.workflow('reference', { format: 'reference', text: reference });
  await session.record('register-reference', 'register', referring);
  const nowhere = session.workflow('nowhere', { format: 'reference', text: 'recorded-nowhere' });
  await session.record('register-reference-absent', 'register', nowhere);
  await session.record('validate', 'validate', diamond.definition);
  await session.record('describe', 'describe', diamond);

  const first = session.submission(diamond);
  const accepted = await session.record('submit', 'submit', first);
  const completed = session.started(first, 'answered' in accepted ? accepted.answered : null);
  await session.record('submit-again', 'submit', first);
  await session.record('submit-conflict', 'submit', {
    ...first,
    marker: { ...first.marker, contentDigest: sha256('other') },
  });
  // Through the Kubernetes API it is taken, and fails later.
  const lost = session.submission(nowhere);
  const taken = await session.record('submit-nowhere', 'submit', lost);
  if ('answered' in taken) session.started(lost, taken.answered);
  await session.record('observe-young', 'observe', completed);
  const strange = session.submission(diamond);

  await session.until(running, ({ taskRuns = [] }) => taskRuns.some(({ state }) => state === 'RUNNING'));
  await session.record('observe-running', 'observe', running);
  if (session.adapter.pause) {
    await session.record('pause', 'pause', running);
    await session.record('observe-paused', 'observe', running);
    await session.record('resume', 'resume', running);
  }
  await session.record('cancel', 'cancel', running, 'graceful');
  const ended = [completed, failed, retried, mapped, running, compiled, compiledFailed, compiledMapped];
  for (const run of ended) await session.until(run, hasEnded);

  await session.record('find', 'find', completed, first.marker);
  await session.record('find-absent', 'find', strange.ref, strange.marker);
  await session.record('observe-completed', 'observe', completed);
  await session.record('observe-failed', 'observe', failed);
  await session.record('observe-retried', 'observe', retried);
  await session.record('observe-mapped', 'observe', mapped);
  await session.record('observe-cancelled', 'observe', running);
  await session.record('observe-absent', 'observe', strange.ref);
  await session.record('observe-compiled-completed', 'observe', compiled);
  await session.record('observe-compiled-failed', 'observe', compiledFailed);
  await session.record('observe-compiled-mapped', 'observe', compiledMapped);
  await session.record('observe-many', 'observeMany', [completed, failed, running, strange.ref]);
  await session.record('cancel-ended', 'cancel', completed, 'graceful');
  await session.record('list', 'list', { since: session.began });

  const flaky = { ref: retried, task: 'flaky' };
  await session.record('logs', 'logs', { ...flaky, attempt: 2, limitBytes: 65_536 });
  await session.record('logs-first-attempt', 'logs', { ...flaky, attempt: 1, limitBytes: 200 });

  await session.record('discover', 'discover', {});
  await session.record('discover-one', 'discover', { reference });
  const externalId = await stage.people.start(reference);
  const lately = { references: [reference], endedSince: session.began };
  const active = await session.record('list-born', 'listBorn', lately);
  const { id, title } = referring;
  const born = {
    key: bornKey('a'.repeat(26)),
    workflow: { id, title, version: session.version, reference },
    externalId,
  };
  await session.until(born, hasEnded);
  await session.record('observe-born', 'observe', born);
  const { nextCursor } = ('answered' in active ? active.answered : {}) as unknown as Partial<BornPage>;
  if (nextCursor !== undefined) await session.record('list-born-ended', 'listBorn', { ...lately, cursor: nextCursor });

  const { baseline = '' } = await session.facts(failed);
  if (session.adapter.retry) {
    await session.record('retry', 'retry', failed, baseline);
    await session.until(failed, (facts) => facts.baseline !== baseline && hasEnded(facts));
    await session.record('observe-after-retry', 'observe', failed);
  }
  await session.record('forget', 'forget', [retried, strange.ref]);
}
