// An audited request to an Express server against the same request that is traced and not audited.
import { Pool } from 'undici';
import { compareServers } from './servers.mjs';

const FLAG = {
  name: 'New checkout',
  enabled: true,
  description: 'Shows the checkout in one page instead of three.',
};
const HEADERS = {
  'content-type': 'application/json',
  authorization: 'Bearer ada',
  'x-forwarded-for': '192.0.2.1',
};

export function http(settings) {
  return compareServers('http Express', { script: 'http-server.mjs', connect }, settings);
}

// Of all clients, for a key is created once.
let count = 0;

async function connect(port, connections) {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections });
  return {
    async request() {
      count += 1;
      const { statusCode, body } = await pool.request({
        path: '/flags',
        method: 'POST',
        headers: HEADERS,
        body: JSON.stringify({ key: `checkout-${count}`, ...FLAG }),
      });
      await body.dump();
      if (statusCode !== 201) throw new Error(`answered ${statusCode}`);
    },
    close: () => pool.close(),
  };
}
