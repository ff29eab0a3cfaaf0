/** What names a parameter of a workflow. */
export interface ParameterNaming {
  task_title?: string | undefined;
  env_variable_name: string;
}

/**
 * The parameters in their order, each after the name that a run's `parameters` use for it: the variable's name, or
 * `task_title.NAME` where several tasks have a variable of that name.
 */
export function namedParameters<Parameter extends ParameterNaming>(
  parameters: readonly Parameter[],
): [name: string, parameter: Parameter][] {
  const uses = new Map<string, number>();
  for (const { env_variable_name: name } of parameters) uses.set(name, (uses.get(name) ?? 0) + 1);
  return parameters.map((parameter) => {
    const { task_title: task, env_variable_name: name } = parameter;
    const shared = (uses.get(name) ?? 0) > 1 && task !== undefined;
    return [shared ? `${task}.${name}` : name, parameter];
  });
}
