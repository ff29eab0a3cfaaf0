/** What an engine's test brings so that the suite can arrange the world around it; what must hold is in `cases/`. */
import type { CoreVerbs, DefinitionText, EngineAdapter, OptionalVerb } from '../spi/engine-adapter.js';
import type { ExecutionRef, RunPhase } from '../spi/facts.js';
import type { BrokenShape } from './broken-shapes.js';
import type { FixtureName } from './fixtures.js';
import type { People } from './people.js';

export type Verb = Exclude<keyof CoreVerbs, 'close'> | OptionalVerb;

/** An arrangement this engine does not allow. The reason is printed beside every case that needed it. */
export interface Impossible {
  impossible: string;
}
export type Arrangement<T> = T | Impossible;

export function isImpossible(arrangement: unknown): arrangement is Impossible {
  return typeof arrangement === 'object' && arrangement !== null && 'impossible' in arrangement;
}

/** The arrangement of a case that needs it; `plan` leaves the case out where it is impossible. */
export function arranged<T>(arrangement: Arrangement<T>): T {
  if (isImpossible(arrangement)) throw new Error(`a case does not name what it needs: ${arrangement.impossible}`);
  return arrangement;
}

/** What happens to a request of one verb, or to its answer. Holds until `heal`. */
export type WireFault =
  /** The connection ends before the engine acts. */
  | { fault: 'drop' }
  /** The engine acts; its answer never arrives. */
  | { fault: 'lose-answer' }
  /** The request arrives twice. */
  | { fault: 'duplicate' }
  /** The engine takes the request, and does nothing until `heal`; then it acts, whoever still waits for it. */
  | { fault: 'late' }
  /** Answers this without acting. */
  | { fault: 'answer'; status: number; headers?: Record<string, string>; body?: string }
  /** Acts, then answers 200 with a body of this shape. */
  | { fault: 'garble'; shape: BrokenShape };

/** Control over the network, and over an engine that can be told what to say: scripted or recorded servers. */
export interface Wire {
  /**
   * Applies to the call in which the verb does its work: the one that changes something where there is one, else its
   * first read. A verb may read before it changes; those reads stay healthy.
   */
  break(verb: Verb, fault: WireFault): Promise<void>;
  /** Nobody listens any more; connections are refused. */
  down(): Promise<void>;
  /** Ends every fault, `down` included. */
  heal(): Promise<void>;
  /** Requests of this verb that reached the engine so far. */
  calls(verb: Verb): Promise<number>;
  /** Executions the engine ever created under the key. */
  executions(key: string): Promise<number>;
  /** Makes an execution under this key that carries a marker of another installation. */
  plantForeign(key: string): Promise<void>;
  /** Every word the engine has for a run, and what it means. */
  words: Record<string, RunPhase>;
  /** Phases that no word means: something beside the word says them. */
  wordless?: readonly RunPhase[];
  /** The engine reports this word for the execution from now on. */
  show(ref: ExecutionRef, word: string): Promise<void>;
  /** The other host to which the wire's own redirects would lead: requests it ever received. */
  canary: { url: string; requests(): number };
}

export interface Harness {
  /** A new adapter on the same engine under the same installation id, as another process would have it. */
  connect(): Promise<EngineAdapter>;
  /** The text that makes this engine do what the fixture's description says. */
  definition(fixture: FixtureName): DefinitionText;
  /** A text that `validate` must refuse. */
  refusedDefinition: DefinitionText;
  /** Ends the engine and starts it again, its memory kept. Adapters connected before must go on working. */
  restart: Arrangement<() => Promise<void>>;
  /** The engine comes back with an empty memory, as after the loss of its database. */
  wipe: Arrangement<() => Promise<void>>;
  /** The engine's retention removes this one execution and its logs. */
  forget: Arrangement<(ref: ExecutionRef) => Promise<void>>;
  wire: Arrangement<Wire>;
  /** Of an engine that declares none of the verbs about them: impossible. */
  people: Arrangement<People>;
  /** Task runs of the one big run; 1,000 unless a task run costs the engine a process. */
  manyTaskRuns: number;
  /** What the tasks themselves printed of a log; absent = all of it. For engines that write lines of their own into it. */
  printedLines?(log: string): string;
  /** An empty answer is the engine's own word for a log that is gone, and told as such: `none`, with a reason. */
  emptyLogIsGone?: true;
  /** A retry takes the log of the failed attempt away, which is told as such: `none`, with a reason. */
  retryDropsLog?: true;
  /** Lists that a look at many may need beside one for each page, where the engine's lists cannot select by key. */
  listsBeside?: number;
  /** `listBorn` cannot tell what has ended. */
  tellsOnlyActive?: true;
  /** The engine keeps JSON objects without the order of their keys, which has no meaning in JSON. */
  losesKeyOrder?: true;
  /** Milliseconds a fixture run may take on this engine until it has ended. */
  patienceMs: number;
  cleanUp(): Promise<void>;
}

/** Cases that a given engine is excused from. Without a reason none can be written. */
export interface Skip {
  reason: string;
  cases: string[];
}
