/** Templates that people put into Argo: what can be referred to. */
import type { Json } from '../../definition/definition-types.js';
import type { CallContext } from '../spi/engine-adapter.js';
import type { DiscoverRequest, DiscoveredPage, EngineParameter, EngineWorkflow } from '../spi/discovery.js';
import { EngineError } from '../spi/engine-error.js';
import { garbage } from '../spi/http/read-answer.js';
import type { JsonObject } from '../spi/http/read-answer.js';
import type { ArgoAccess, TemplateKind } from './argo-access.js';
import { HISTORY_PARAMETER, ROUND_PARAMETER } from './attempt-history.js';
import { MANAGED_BY } from './marker.js';
import { readDefinition } from './read-definition.js';
import { objectIn, objectsIn, textIn } from './read-fields.js';

/** Templates come whole: a hundred of them may be some megabytes. */
const PAGE = 50;
/** Of no Signalbox. */
const OF_OTHERS = `${MANAGED_BY}!=signalbox`;
/** Parameters that every submit and retry sets. */
const OF_SIGNALBOX = [ROUND_PARAMETER, HISTORY_PARAMETER];
const DESCRIPTION = 'workflows.argoproj.io/description';
const FIRST: TemplateKind = 'WorkflowTemplate';

/** First the templates of the namespace, then those of the cluster, as far as they may be read. */
export async function discoverTemplates(
  access: ArgoAccess,
  { reference, cursor }: DiscoverRequest,
  ctx: CallContext,
): Promise<DiscoveredPage> {
  if (reference !== undefined) return { workflows: await discoverOne(access, reference, ctx) };
  const [kind, next] = readCursor(cursor);
  if (kind === FIRST) {
    const page = await access.templates(kind, { selector: OF_OTHERS, limit: PAGE, ...next }, ctx);
    return {
      workflows: page.items.flatMap((item) => offered(kind, item)),
      nextCursor: page.continue === undefined ? 'ClusterWorkflowTemplate ' : `${kind} ${page.continue}`,
    };
  }
  try {
    const page = await access.templates(kind, { selector: OF_OTHERS, limit: PAGE, ...next }, ctx);
    return {
      workflows: page.items.flatMap((item) => offered(kind, item)),
      ...(page.continue === undefined ? {} : { nextCursor: `${kind} ${page.continue}` }),
    };
  } catch (error) {
    // Rights in one namespace are no rights in the cluster; an Argo of one namespace does not even have the type.
    const isClosed =
      error instanceof EngineError && ['unauthorized', 'not-found', 'rejected', 'unsupported'].includes(error.code);
    if (!isClosed) throw error;
    return { workflows: [], gaps: [`ClusterWorkflowTemplates could not be listed: ${error.message}`] };
  }
}

async function discoverOne(access: ArgoAccess, reference: string, ctx: CallContext): Promise<EngineWorkflow[]> {
  const read = readDefinition({ format: 'reference', text: reference });
  if (read.format !== 'reference') return [];
  const template = await access.template(read.ref, ctx);
  if (template === undefined) return [];
  const { name } = objectIn(template, 'metadata');
  if (name !== read.ref.name) throw garbage(`another template than ${read.ref.name}`);
  return offered(read.ref.kind, template);
}

/** Nothing for a template that some Signalbox wrote. */
function offered(kind: TemplateKind, template: JsonObject): EngineWorkflow[] {
  const metadata = objectIn(template, 'metadata');
  const name = textIn(metadata, 'name');
  if (name === undefined) throw garbage('a template without a name');
  const labels = Object.entries(objectIn(metadata, 'labels')).flatMap(([key, value]) =>
    typeof value === 'string' ? [{ key, value }] : [],
  );
  if (labels.some(({ key, value }) => key === MANAGED_BY && value === 'signalbox')) return [];
  const description = textIn(objectIn(metadata, 'annotations'), DESCRIPTION);
  const spec = objectIn(template, 'spec');
  const isNamespaced = kind === FIRST;
  return [
    {
      reference: isNamespaced ? name : `${kind}/${name}`,
      otherReferences: isNamespaced ? [`${kind}/${name}`] : [],
      name,
      labels,
      parameters: parametersOf(spec),
      ...(description === undefined ? {} : { description }),
      ...(textIn(spec, 'entrypoint') === undefined
        ? { obstacle: 'It has no entrypoint: it is only called by others.' }
        : {}),
    },
  ];
}

/** Argo's parameters are texts. One whose value comes from elsewhere is not asked for. */
export function parametersOf(spec: JsonObject): EngineParameter[] {
  return objectsIn(objectIn(spec, 'arguments'), 'parameters').flatMap((told): EngineParameter[] => {
    const name = textIn(told, 'name');
    if (name === undefined || OF_SIGNALBOX.includes(name)) return [];
    const { value, default: preset } = told;
    const choices = told['enum'];
    const description = textIn(told, 'description');
    const schema: JsonObject = {
      type: 'string',
      ...(Array.isArray(choices) && choices.length > 0 ? { enum: choices.map(textOf) } : {}),
      ...(description === undefined ? {} : { description }),
    };
    const given = value ?? preset;
    const isGiven = given !== undefined && given !== null;
    const filled = isGiven ? textOf(given) : undefined;
    if (filled !== undefined && !filled.includes('{{')) return [{ name, schema, default: filled, required: false }];
    const fromElsewhere = isGiven || Object.keys(objectIn(told, 'valueFrom')).length > 0;
    return [{ name, schema, required: !fromElsewhere }];
  });
}

/** Manifests hold numbers where texts are meant: Argo makes texts of them. */
function textOf(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function readCursor(cursor: string | undefined): [TemplateKind, { continue?: string }] {
  if (cursor === undefined) return [FIRST, {}];
  const match = /^(WorkflowTemplate|ClusterWorkflowTemplate) (.*)$/s.exec(cursor);
  if (!match) throw new EngineError('rejected', 'the cursor is not one of this list');
  return [match[1] as TemplateKind, match[2] === undefined || match[2] === '' ? {} : { continue: match[2] }];
}
