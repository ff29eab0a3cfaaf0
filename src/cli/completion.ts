import type { Command, Option } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** A command as completion needs it: words that may follow it. */
export interface CompletionNode {
  /** From the program's name on. */
  path: string[];
  summary: string;
  commands: { name: string; summary: string }[];
  options: { flags: string[]; summary: string; takesValue: boolean; choices: string[] }[];
  /** The first argument is a file. */
  takesFile: boolean;
  /** The values of the first argument, when they are known. */
  values: string[];
}

/** Every command of the tree, parents first. */
export function completionNodes(command: Command, above: string[] = []): CompletionNode[] {
  const path = [...above, command.name()];
  const [first] = command.registeredArguments;
  const node: CompletionNode = {
    path,
    summary: command.description(),
    commands: command.commands.map((child) => ({ name: child.name(), summary: child.description() })),
    options: [...command.options.map(toOption), { flags: ['--help'], summary: 'help', takesValue: false, choices: [] }],
    takesFile: first?.name() === 'file',
    values: first?.argChoices ?? [],
  };
  return [node, ...command.commands.flatMap((child) => completionNodes(child, path))];
}

/** The script that teaches a shell the command; to be evaluated by that shell. */
export function completionScript(shell: Shell, program: Command): string {
  const nodes = completionNodes(program);
  switch (shell) {
    case 'bash':
      return bashScript(program.name(), nodes);
    case 'zsh':
      // zsh runs bash completions since 2008; one script is one truth.
      return `autoload -U +X bashcompinit && bashcompinit\n${bashScript(program.name(), nodes)}`;
    case 'fish':
      return fishScript(program.name(), nodes);
  }
}

function toOption(option: Option): CompletionNode['options'][number] {
  return {
    flags: [option.short, option.long].filter((flag) => flag !== undefined && flag !== null),
    summary: option.description,
    takesValue: option.required || option.optional,
    choices: option.argChoices ?? [],
  };
}

/** Walks the words before the cursor down the tree, then offers what may follow there. */
function bashScript(name: string, nodes: CompletionNode[]): string {
  const cases = nodes.map((node) => {
    const flags = node.options.flatMap((option) => option.flags);
    const words = [...node.commands.map((child) => child.name), ...node.values];
    const fields = `words='${words.join(' ')}' flags='${flags.join(' ')}' files=${node.takesFile ? 1 : 0}`;
    const values = node.options
      .filter((option) => option.takesValue)
      .map((option) => `${option.flags.join('|')}) values='${option.choices.join(' ')}' value=1 ;;`);
    return `    '${node.path.join(' ')}') ${fields}\n      case "$previous" in ${values.join(' ')} esac ;;`;
  });
  const known = nodes.map((node) => `'${node.path.join(' ')}'`).join('|');
  return `_${name}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local path='${name}' words='' flags='' files=0 values='' value=0 index
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "$path \${COMP_WORDS[index]}" in
    ${known}) path="$path \${COMP_WORDS[index]}" ;;
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=()
  if [[ $value == 1 ]]; then
    if [[ -n $values ]]; then COMPREPLY=($(compgen -W "$values" -- "$current"))
    else COMPREPLY=($(compgen -f -- "$current")); fi
  elif [[ $current == -* ]]; then COMPREPLY=($(compgen -W "$flags" -- "$current"))
  elif [[ -n $words ]]; then COMPREPLY=($(compgen -W "$words" -- "$current"))
  elif [[ $files == 1 ]]; then COMPREPLY=($(compgen -f -- "$current"))
  fi
}
complete -o filenames -F _${name} ${name}
`;
}

function fishScript(name: string, nodes: CompletionNode[]): string {
  const lines = [`complete -c ${name} -f`];
  for (const node of nodes) {
    const condition = fishCondition(node);
    for (const child of node.commands) {
      lines.push(`complete -c ${name} -n ${condition} -a ${child.name} -d ${fishText(child.summary)}`);
    }
    if (node.values.length > 0) lines.push(`complete -c ${name} -n ${condition} -a ${fishText(node.values.join(' '))}`);
    if (node.takesFile) lines.push(`complete -c ${name} -n ${condition} -F`);
    for (const option of node.options) {
      const flags = option.flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
      const value = !option.takesValue
        ? ''
        : option.choices.length > 0
          ? ` -x -a ${fishText(option.choices.join(' '))}`
          : ' -r';
      lines.push(`complete -c ${name} -n ${condition} ${flags.join(' ')}${value} -d ${fishText(option.summary)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** On this command: all words of its path are there, and none of its own commands. */
function fishCondition(node: CompletionNode): string {
  const seen = node.path.slice(1).map((word) => `__fish_seen_subcommand_from ${word}`);
  const children = node.commands.map((child) => child.name).join(' ');
  const notBelow = children === '' ? [] : [`not __fish_seen_subcommand_from ${children}`];
  return fishText([...seen, ...notBelow].join('; and ') || 'true');
}

function fishText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
