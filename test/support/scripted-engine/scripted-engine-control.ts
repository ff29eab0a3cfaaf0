import type { Command, EngineControls } from './engine-controls.js';

type Remote = {
  [C in Command]: (...given: Parameters<EngineControls[C]>) => Promise<Awaited<ReturnType<EngineControls[C]>>>;
};

/** The commands of an engine in another process. Each throws `Error` with the engine's sentence when it is refused. */
export function controlScriptedEngine(controlUrl: string): Remote {
  return new Proxy({} as Remote, {
    get:
      (_, command) =>
      async (...given: unknown[]): Promise<unknown> => {
        const response = await fetch(new URL(`/control/${String(command)}`, controlUrl), {
          method: 'POST',
          body: JSON.stringify(given),
        });
        const answer = (await response.json()) as { result?: unknown; error?: string };
        if (!response.ok) throw new Error(answer.error);
        return answer.result;
      },
  });
}
