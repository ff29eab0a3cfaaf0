import type { Definition } from './definition-types.js';

export interface GraphTask {
  title: string;
  displayName?: string;
  type?: string;
  downstream: string[];
}

/** Tasks and edges, in the shape in which adapters describe a workflow. */
export interface GraphOfTasks {
  tasks: GraphTask[];
}

/** The graph of a definition: tasks in its order, `type` = the kind, downstream sorted. */
export function toTaskGraph(definition: Definition): GraphOfTasks {
  const downstream = new Map<string, string[]>(definition.tasks.map(({ id }) => [id, []]));
  for (const { id, needs } of definition.tasks) for (const need of needs) downstream.get(need)?.push(id);
  return {
    tasks: definition.tasks.map(({ id, title, kind }) => ({
      title: id,
      ...(title === undefined ? {} : { displayName: title }),
      type: kind,
      downstream: (downstream.get(id) ?? []).sort(),
    })),
  };
}
