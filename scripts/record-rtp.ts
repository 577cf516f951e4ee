/**
 * Records fixtures/rtp/{h264,h265}: a short clip as FFmpeg's encoders make it, and the RTP packets that FFmpeg sends it
 * in, each behind its length in 16 bits. `node scripts/record-rtp.ts`, on Node 22.18 or later, with FFmpeg.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';

const FOLDER = new URL('../fixtures/rtp/', import.meta.url).pathname;
const SOURCE = ['-v', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc2=size=160x112:rate=25:duration=0.6'];
const CLIPS = {
  h264: [
    '-c:v',
    'libx264',
    '-profile:v',
    'baseline',
    '-x264-params',
    'keyint=6:repeat-headers=1:slices=2',
    '-f',
    'h264',
  ],
  h265: ['-c:v', 'libx265', '-x265-params', 'keyint=6:repeat-headers=1:bframes=0:log-level=none:info=0', '-f', 'hevc'],
};

for (const [name, options] of Object.entries(CLIPS)) {
  const stream = `${FOLDER}clip.${name}`;
  execFileSync('ffmpeg', [...SOURCE, '-crf', '26', ...options, stream]);

  const socket = createSocket('udp4');
  const packets: Uint8Array[] = [];
  socket.on('message', (packet) => packets.push(Uint8Array.of(packet.length >> 8, packet.length), packet));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const format = name === 'h265' ? 'hevc' : name;
  const target = ['-c', 'copy', '-f', 'rtp', '-pkt_size', '1000', `rtp://127.0.0.1:${socket.address().port}`];
  const sender = spawn('ffmpeg', ['-v', 'error', '-re', '-f', format, '-i', stream, ...target]);
  await once(sender, 'exit');
  await new Promise((resolve) => setTimeout(resolve, 200));
  socket.close();
  writeFileSync(`${FOLDER}clip.${name}.rtp`, Buffer.concat(packets));
}
