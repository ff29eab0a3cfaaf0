import { pino, type Logger } from 'pino';

export interface LogOptions {
  level: string;
  /** Where lines go; stderr by default, since stdout belongs to what a command prints. */
  destination?: { write(line: string): void };
}

/** JSON lines: a constant message, then fields (`workflow_run_id engine attempt took_ms`). Injected by class. */
export class Log {
  readonly #logger: Logger;

  constructor(options: LogOptions | Logger) {
    this.#logger = 'info' in options ? options : open(options);
  }

  debug(fields: object, message: string): void {
    this.#logger.debug(fields, message);
  }

  info(fields: object, message: string): void {
    this.#logger.info(fields, message);
  }

  warn(fields: object, message: string): void {
    this.#logger.warn(fields, message);
  }

  error(fields: object, message: string): void {
    this.#logger.error(fields, message);
  }

  fatal(fields: object, message: string): void {
    this.#logger.fatal(fields, message);
  }

  /** A log whose every line carries `fields`. */
  child(fields: Record<string, unknown>): Log {
    return new Log(this.#logger.child(fields));
  }
}

function open(options: LogOptions): Logger {
  const settings = {
    level: options.level,
    base: undefined,
    messageKey: 'message',
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { error: pino.stdSerializers.err, cause: pino.stdSerializers.err },
  };
  // Synchronous: the last line before an exit is the one that matters.
  return pino(settings, options.destination ?? pino.destination({ dest: 2, sync: true }));
}
