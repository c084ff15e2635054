// Servers of a network scene (test/support/network-scene.ts). Arguments: `tcp=ADDRESS=PORT`, `dns=ADDRESS`; each tells whoever connects where it is, and the nameserver answers every question with 192.0.2.77.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

for (const service of process.argv.slice(2)) {
  const [kind, where = '', port] = service.split('=');
  if (kind === 'dns') {
    const socket = createSocket(where.includes(':') ? 'udp6' : 'udp4');
    socket.on('message', (question, from) => socket.send(answer(question), from.port, from.address));
    socket.bind(53, where);
    await once(socket, 'listening');
    continue;
  }
  const server = createServer((socket) => socket.on('error', () => {}).end(where));
  server.listen(Number(port), where);
  await once(server, 'listening');
}
process.stdout.write('ready\n');

/** The same question with one address as its answer; none for anything but an IPv4 address. */
function answer(question: Buffer): Buffer {
  let end = 12;
  while (question[end] !== 0) end += question[end]! + 1;
  const asked = question.subarray(12, end + 5);
  const wanted = question.readUInt16BE(end + 1) === 1;
  const header = Buffer.from([question[0]!, question[1]!, 0x85, 0x80, 0, 1, 0, wanted ? 1 : 0, 0, 0, 0, 0]);
  const address = Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 77]);
  return Buffer.concat(wanted ? [header, asked, address] : [header, asked]);
}
