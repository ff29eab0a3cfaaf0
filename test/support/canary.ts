import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Canary {
  url: string;
  requests(): number;
  close(): Promise<void>;
}

/** A host nobody was told to go to: it counts who comes. */
export async function startCanary(): Promise<Canary> {
  let connections = 0;
  const server = createServer((_, response) => void response.end('{}'));
  server.on('connection', () => (connections += 1));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => connections,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
