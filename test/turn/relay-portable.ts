/** A relayed call on whatever runtime runs this: the server on standard input, the call on standard output, in JSON. */
import { exit, stdin } from 'node:process';
import type { RTCIceServer } from '../../src/index.ts';
import { callOurs } from './relay-call.ts';

let input = '';
for await (const chunk of stdin) input += chunk;
const { server, authority } = JSON.parse(input) as { server: RTCIceServer; authority: string };
console.log(JSON.stringify(await callOurs(server, { trustedCertificates: [authority] })));
exit(0);
