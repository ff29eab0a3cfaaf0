/** The `signalbox` command: parses, runs, and ends with the exit code once everything is written. */
import { readFileSync } from 'node:fs';
import { Cli } from './cli.js';
import { buildProgram } from './program.js';

const { stdout, stderr, env } = process;
const cli = new Cli({ env, stdout, stderr });
const code = await cli.run(buildProgram(cli, readVersion()), process.argv.slice(2));
process.exitCode = code;
// Sockets of the HTTP client may linger; the last bytes of a pipe must not be lost by not waiting for them.
stdout.write('', () => stderr.write('', () => process.exit(code)));

/** package.json lies above src/ in the sources and above dist/ in the build. */
function readVersion(): string {
  for (const up of ['../../package.json', '../../../package.json']) {
    try {
      const found = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as {
        name?: string;
        version?: string;
      };
      if (found.name === 'signalbox' && found.version !== undefined) return found.version;
    } catch {
      // Not at this level.
    }
  }
  return 'unknown';
}
