// Everything at once: npm run chaos -- --help; test/chaos/chaos.ts is what happens.
import './typescript-loader.js';

await import('../test/chaos/main.ts');
