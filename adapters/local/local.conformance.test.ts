import { describeConformance } from '../conformance/describe-conformance.js';
import { localEngineHarness } from './local-conformance.test-support.js';

await describeConformance('local', localEngineHarness);
