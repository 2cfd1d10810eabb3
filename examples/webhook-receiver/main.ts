// npm run receiver                 listens on PORT (3001) and prints each event whose signature holds
// npm run receiver -- --drive      also sends itself three events and a forged one, then ends
// WEBHOOK_SECRETS names the secrets, separated by spaces; the sender uses any of them.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { drive } from './drive.js';
import { createReceiver } from './receiver.js';

const SAMPLE_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'; // public, so good for trying only

const driving = process.argv.includes('--drive');
const secrets = (process.env.WEBHOOK_SECRETS || SAMPLE_SECRET).split(/\s+/).filter(Boolean);
let received = 0;
const server = createReceiver({ standardWebhooks: { secrets } }, (event, id) => {
  received += 1;
  console.log(`${id} ${event.type}:${event.action} ${JSON.stringify(event.payload)}`);
});
server.listen(driving ? 0 : Number(process.env.PORT || 3001), '127.0.0.1');
try {
  await once(server, 'listening');
} catch (error) {
  console.error(`cannot listen: ${(error as Error).message}; choose another PORT`);
  process.exit(1);
}
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
if (driving) {
  const refused = await drive(url, secrets[0]!);
  console.log(`\nevents received  ${received}\nforged, refused  ${refused}`);
  if (received !== 3 || refused !== 1) process.exitCode = 1;
  server.close();
} else {
  const shown = process.env.WEBHOOK_SECRETS ? 'one of WEBHOOK_SECRETS' : SAMPLE_SECRET;
  console.log(`listening on ${url}; send with
  webhookSink({ url: '${url}', standardWebhooks: { secrets: ['${shown}'] } })`);
}
