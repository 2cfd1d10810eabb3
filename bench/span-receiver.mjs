// Where the servers of bench/servers.mjs send their spans: an OTLP receiver that throws them away.
import { createServer } from 'node:http';

const server = createServer((request, response) => {
  request.on('end', () => response.end()).resume();
});
server.listen(0, '127.0.0.1', () => process.send(server.address().port));
process.on('disconnect', () => process.exit());
