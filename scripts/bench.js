// Measures Signalbox against bare servers: npm run bench [-- FIGURE ...]; test/bench/bench.ts says which there are.
import './typescript-loader.js';

await import('../test/bench/bench.ts');
