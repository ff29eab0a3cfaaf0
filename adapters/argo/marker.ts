/** What stands on every workflow of ours: labels to select by, annotations with the whole marker. */
import { createHash } from 'node:crypto';
import type { Marker } from '../spi/engine-adapter.js';
import { garbage } from '../spi/http/read-answer.js';
import type { JsonObject } from '../spi/http/read-answer.js';
import { objectIn, textIn } from './read-fields.js';

export const MANAGED_BY = 'app.kubernetes.io/managed-by';
export const RUN_KEY = 'signalbox/run-key';
export const INSTALLATION = 'signalbox/installation';
const INSTALLATION_ID = 'signalbox/installation-id';
const CONTENT_DIGEST = 'signalbox/content-digest';
const USER_LABELS = 'signalbox/labels';
const RUN_ID = 'signalbox/run-id';

/** Selects what any Signalbox submitted. */
export const ALL_OF_SIGNALBOX = `${MANAGED_BY}=signalbox,${RUN_KEY}`;

export function selectKeys(keys: readonly string[]): string {
  return `${MANAGED_BY}=signalbox,${RUN_KEY} in (${keys.join(',')})`;
}

/** Selects what this installation submitted. */
export function selectInstallation(installationId: string): string {
  return `${ALL_OF_SIGNALBOX},${INSTALLATION}=${toLabelValue(installationId)}`;
}

export interface Marked {
  marker: Marker;
  runId: string;
  labels: readonly { key: string; value: string }[];
}

export function toMetadata({ marker, runId, labels }: Marked): JsonObject {
  return {
    name: marker.key,
    labels: {
      [MANAGED_BY]: 'signalbox',
      [RUN_KEY]: marker.key,
      [INSTALLATION]: toLabelValue(marker.installationId),
    },
    annotations: {
      [INSTALLATION_ID]: marker.installationId,
      [CONTENT_DIGEST]: marker.contentDigest,
      [RUN_ID]: runId,
      // Users' labels may be any text: Kubernetes' labels may not.
      [USER_LABELS]: JSON.stringify(labels.map(({ key, value }) => [key, value])),
    },
  };
}

/** Throws `unknown` for a workflow of another name; a marker that is not there reads as somebody else's. */
export function readMarker(workflow: JsonObject, key: string): Marker {
  const metadata = objectIn(workflow, 'metadata');
  const name = textIn(metadata, 'name');
  if (name !== key) throw garbage(`a workflow ${String(name)}, not ${key}`);
  const annotations = objectIn(metadata, 'annotations');
  return {
    key: textIn(objectIn(metadata, 'labels'), RUN_KEY) ?? '',
    installationId: textIn(annotations, INSTALLATION_ID) ?? '',
    contentDigest: textIn(annotations, CONTENT_DIGEST) ?? '',
  };
}

export function sameMarker(a: Marker, b: Marker): boolean {
  return a.installationId === b.installationId && a.key === b.key && a.contentDigest === b.contentDigest;
}

/** The text itself where Kubernetes takes it for the value of a label, else its digest. */
export function toLabelValue(text: string): string {
  if (/^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(text)) return text;
  return `sha256-${createHash('sha256').update(text).digest('hex').slice(0, 48)}`;
}
