/** Draws a victim and a pause, again and again; what was killed is started again by a supervisor, as an operator's would. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Member } from '../support/cluster.js';
import type { Victim } from './chaos-options.js';
import type { ChaosStage } from './chaos-stage.js';
import { allProxies } from './mix.js';

const MEMBERS_OF: Record<Exclude<Victim, 'postgres'>, readonly Member[]> = {
  api: ['api-1', 'api-2'],
  worker: ['worker-1', 'worker-2'],
  reconciler: ['reconcile-1', 'reconcile-2'],
};
/** Milliseconds a process may take to start; then it is killed and started again. */
const START_MS = 60_000;
/** Share of the kills beside which the connections through one proxy are cut. */
const CUTS = 0.2;

export interface KillerOptions {
  victims: readonly Victim[];
  everyMs: { from: number; to: number };
  /** Whether connections are cut too. */
  cuts: boolean;
}

export class Killer {
  readonly kills: Record<Victim, number> = { api: 0, worker: 0, reconciler: 0, postgres: 0 };
  /** Starts that did not end well, and were repeated. */
  failedStarts = 0;
  /** What ended without being killed. */
  readonly fallen: string[] = [];
  private over = false;
  private abandoned = false;
  private readonly down = new Set<Member | 'postgres'>();
  private readonly starts = new Set<Promise<void>>();
  private killing: Promise<void> = Promise.resolve();

  constructor(
    private readonly stage: ChaosStage,
    private readonly random: () => number,
    private readonly options: KillerOptions,
  ) {}

  begin(): void {
    for (const member of Object.values(MEMBERS_OF).flat()) this.watch(member);
    if (this.options.victims.length > 0) this.killing = this.kill();
  }

  /** Kills nobody any more; resolves when everybody works. */
  async end(): Promise<void> {
    this.over = true;
    await this.killing;
    while (this.starts.size > 0) await Promise.all(this.starts);
  }

  /** Nobody is killed or started again any more: the cluster is about to go. */
  abandon(): void {
    this.over = true;
    this.abandoned = true;
  }

  private async kill(): Promise<void> {
    const { victims, everyMs, cuts } = this.options;
    while (!this.over) {
      await this.untilServed();
      await sleep(everyMs.from + this.random() * (everyMs.to - everyMs.from));
      const [victimDrawn, memberDrawn, cutDrawn] = [this.random(), this.random(), this.random()];
      if (cuts && cutDrawn < CUTS) this.cutOne(cutDrawn / CUTS);
      const victim = victims[Math.floor(victimDrawn * victims.length)];
      if (this.over || !victim) return;
      const chosen = victim === 'postgres' ? victim : (MEMBERS_OF[victim][memberDrawn < 0.5 ? 0 : 1] ?? 'api-1');
      // Whoever is starting is spared, or nobody would ever work.
      if (this.down.has(chosen)) continue;
      this.kills[victim] += 1;
      this.down.add(chosen);
      const replaced = chosen === 'postgres' ? this.stage.replacePostgres() : this.replace(chosen);
      const start = replaced.finally(() => {
        this.down.delete(chosen);
        this.starts.delete(start);
      });
      this.starts.add(start);
    }
  }

  /**
   * One process of each kind works, so that the pauses are between a service that works and the next kill: on a slow machine
   * nothing would ever happen between two kills. The next one may well take the last of its kind.
   */
  private async untilServed(): Promise<void> {
    const isServed = (): boolean =>
      !this.down.has('postgres') &&
      Object.values(MEMBERS_OF).every((members) => members.some((member) => !this.down.has(member)));
    while (!this.over && !isServed()) await Promise.race(this.starts);
  }

  private cutOne(drawn: number): void {
    const proxies = allProxies(this.stage.cluster);
    proxies[Math.floor(drawn * proxies.length)]?.cut();
  }

  private async replace(member: Member): Promise<void> {
    await this.stage.cluster.member(member).kill();
    while (!this.abandoned) {
      const late = setTimeout(() => void this.stage.cluster.member(member).kill(), START_MS);
      try {
        await this.stage.cluster.begin(member);
        this.watch(member);
        return;
      } catch {
        this.failedStarts += 1;
        await sleep(200);
      } finally {
        clearTimeout(late);
      }
    }
  }

  /** A process that works may end by being killed and in no other way. */
  private watch(member: Member): void {
    const { exited, errors } = this.stage.cluster.member(member);
    void exited.then((how) => {
      if (how !== 'SIGKILL') this.fallen.push(`${member} ended with ${how}: ${errors().slice(-2_000)}`);
    });
  }
}
