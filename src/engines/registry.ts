import { airflowEngine } from '../../adapters/airflow/airflow.engine-kind.js';
import { argoEngine } from '../../adapters/argo/argo.engine-kind.js';
import { localEngine } from '../../adapters/local/local.engine-kind.js';
import type { EngineKind } from '../../adapters/spi/engine-kind.js';

/** The one place that names concrete adapters. */
export const ENGINE_KINDS: readonly EngineKind[] = [localEngine, airflowEngine, argoEngine];
