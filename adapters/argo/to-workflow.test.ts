import { describe, expect, test } from '@jest/globals';
import type { Json } from '../../definition/definition-types.js';
import type { DefinitionText, Submission, WorkflowVersion } from '../spi/engine-adapter.js';
import { readDefinition } from './read-definition.js';
import { templateOf, toTemplate, toWorkflow } from './to-workflow.js';

const TEMPLATE = `
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: mine, labels: {team: x}}
spec:
  entrypoint: y
  arguments: {parameters: [{name: plain}, {name: signalbox-base64-exact}]}
  templates: [{name: y, container: {image: i}}]`;

const TRACE = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;

function version(title: string, definition: DefinitionText = { format: 'native', text: TEMPLATE }): WorkflowVersion {
  return { id: '7', project: 'default', title, version: 3, definition, digest: 'd'.repeat(64) };
}

function submission(parameters: Record<string, Json>, definition?: DefinitionText): Submission {
  const workflow = version('Say it', definition);
  const key = 'sb-bcdefghijklmnopqrstuvwxyz2-g1';
  return {
    ref: { key, workflow },
    marker: { installationId: 'ours', key, contentDigest: 'c' },
    workflow,
    parameters,
    labels: [{ key: 'any key', value: 'any {{value}}' }],
    runId: '9',
  };
}

function argumentsOf(parameters: Record<string, Json>): unknown {
  return toWorkflow(submission(parameters), 'ours', 60, TRACE)['spec'];
}

describe('toWorkflow', () => {
  test('hands a text over as it is, anything else as compact JSON, and what asks for it in base64', () => {
    expect(argumentsOf({ plain: 'a "b"', other: { x: [1, null] }, exact: '{{x}}' })).toMatchObject({
      arguments: {
        parameters: [
          { name: 'plain', value: 'a "b"' },
          { name: 'other', value: '{"x":[1,null]}' },
          { name: 'signalbox-base64-exact', value: 'e3t4fX0=' },
          { name: 'signalbox-round', value: '1' },
        ],
      },
    });
  });

  test.each([{ plain: '{{x}}' }, { plain: { deep: ['{{=1}}'] } }])(
    'refuses %j, which Argo would execute',
    (parameters) => {
      expect(() => argumentsOf(parameters)).toThrow('signalbox-base64-plain');
    },
  );

  test('is named by the key, bears the marker, and is kept for the time that was said', () => {
    const sent = submission({});
    const workflow = toWorkflow(sent, 'ours', 60, TRACE);
    expect(workflow['metadata']).toMatchObject({
      name: sent.ref.key,
      labels: { 'signalbox/run-key': sent.ref.key, 'signalbox/installation': 'ours' },
      annotations: { 'signalbox/content-digest': 'c', 'signalbox/labels': '[["any key","any {{value}}"]]' },
    });
    expect(workflow['spec']).toMatchObject({
      ttlStrategy: { secondsAfterCompletion: 60, secondsAfterSuccess: 60, secondsAfterFailure: 60 },
    });
  });

  test('calls a template of the cluster by its scope', () => {
    const cluster = { format: 'reference', text: 'ClusterWorkflowTemplate/shared' } as const;
    expect(toWorkflow(submission({}, cluster), 'ours', 60, TRACE)['spec']).toMatchObject({
      workflowTemplateRef: { name: 'shared', clusterScope: true },
    });
  });
});

describe('templateOf', () => {
  test('gives names that Kubernetes takes, and different ones to different versions', () => {
    const titles = [
      'Data Set',
      'data-set',
      'data_set',
      '漢字',
      '---',
      'A'.repeat(128),
      ' x. ',
      'ends at 30 characters exactly-x',
    ];
    const names = titles.map((title) => templateOf(version(title), 'ours').name);
    for (const name of names) expect(name).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
    expect(new Set(names).size).toBe(titles.length);
    expect(templateOf(version('x'), 'theirs')).not.toEqual(templateOf(version('x'), 'ours'));
  });

  test('is what the reference says', () => {
    expect(templateOf(version('x', { format: 'reference', text: ' etl.v2\n' }), 'ours')).toEqual({
      kind: 'WorkflowTemplate',
      name: 'etl.v2',
    });
  });
});

test('a registered template keeps its own labels and its spec', () => {
  const read = readDefinition({ format: 'native', text: TEMPLATE });
  if (read.format !== 'native') throw new Error('it is native');
  expect(toTemplate(read.template, version('x'), 'ours')).toMatchObject({
    metadata: { labels: { team: 'x', 'app.kubernetes.io/managed-by': 'signalbox' } },
    spec: { entrypoint: 'y' },
  });
});

describe('readDefinition', () => {
  test('takes "y" for a name, not for a truth value', () => {
    expect(readDefinition({ format: 'native', text: TEMPLATE })).toMatchObject({ format: 'native', diagnostics: [] });
  });

  const rows: [reason: string, definition: DefinitionText, codes: string[]][] = [
    [
      'all that is wrong at once',
      { format: 'native', text: '{kind: Pod, spec: {entrypoint: x}}' },
      ['wrong-api-version', 'wrong-kind', 'template-unknown'],
    ],
    ['no YAML', { format: 'native', text: 'a: [' }, ['yaml-invalid']],
    ['no object', { format: 'native', text: 'just text' }, ['not-a-template']],
    ['no name of Kubernetes', { format: 'reference', text: '../secrets' }, ['engine-name-invalid']],
    ['another kind', { format: 'reference', text: 'CronWorkflow/x' }, ['engine-name-invalid']],
    ['a definition that is none', { format: 'signalbox/v1', text: 'tasks: 1' }, ['missing-field', 'wrong-type']],
  ];
  test.each(rows)('refuses %s', (_reason, definition, codes) => {
    const found = readDefinition(definition).diagnostics.map(({ code }) => code);
    expect(found).toEqual(expect.arrayContaining(codes));
  });

  test('does not let aliases grow without bound', () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x,x]',
      ...[...'bcdefg'].map((name, at) => `${name}: &${name} [${`*${'abcdef'[at] ?? ''},`.repeat(10)}]`),
    ];
    expect(readDefinition({ format: 'native', text: bomb.join('\n') }).diagnostics).toMatchObject([
      { code: 'yaml-invalid' },
    ]);
  });
});
