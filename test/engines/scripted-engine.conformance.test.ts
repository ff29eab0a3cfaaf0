import { describeConformance } from '../../adapters/conformance/describe-conformance.js';
import { scriptedEngineHarness } from './scripted-engine-harness.js';

await describeConformance('scripted', () => scriptedEngineHarness());
