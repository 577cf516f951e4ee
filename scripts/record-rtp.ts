/**
 * Records fixtures/rtp: for each codec a short clip as FFmpeg's encoders make it, and the RTP packets that FFmpeg sends it
 * in, each behind its length in 16 bits (none for AV1, which FFmpeg sends only from version 7.1 on).
 * `node scripts/record-rtp.ts [codec …]`, on Node 22.18 or later, with FFmpeg.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';

const FOLDER = new URL('../fixtures/rtp/', import.meta.url).pathname;
const SOURCE = ['-v', 'error', '-y', '-f', 'lavfi', '-i'];
const IVF = ['-g', '6', '-b:v', '100k', '-pix_fmt', 'yuv420p', '-fflags', '+bitexact', '-f', 'ivf'];

type Clip = { file: string; format: string; seconds: number; packetSize: number; options: string };

const CLIPS: Record<string, Clip> = {
  h264: {
    file: 'clip.h264',
    format: 'h264',
    seconds: 0.6,
    packetSize: 1000,
    options: '-crf 26 -c:v libx264 -profile:v baseline -x264-params keyint=6:repeat-headers=1:slices=2 -f h264',
  },
  h265: {
    file: 'clip.h265',
    format: 'hevc',
    seconds: 0.6,
    packetSize: 1000,
    options: '-crf 26 -c:v libx265 -x265-params keyint=6:repeat-headers=1:bframes=0:log-level=none:info=0 -f hevc',
  },
  vp8: {
    file: 'clip.vp8.ivf',
    format: 'ivf',
    seconds: 0.52,
    packetSize: 600,
    options: `-c:v libvpx -deadline realtime -cpu-used 4 ${IVF.join(' ')}`,
  },
  vp9: {
    file: 'clip.vp9.ivf',
    format: 'ivf',
    seconds: 0.36,
    packetSize: 600,
    options: `-c:v libvpx-vp9 -deadline realtime -cpu-used 6 ${IVF.join(' ')}`,
  },
  av1: {
    file: 'clip.av1.ivf',
    format: 'ivf',
    seconds: 0.32,
    packetSize: 0,
    options: `-c:v libaom-av1 -usage realtime -cpu-used 8 ${IVF.join(' ')}`,
  },
};

const wanted = process.argv.slice(2);
for (const [name, clip] of Object.entries(CLIPS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const { seconds, options, format, packetSize } = clip;
  const file = `${FOLDER}${clip.file}`;
  execFileSync('ffmpeg', [...SOURCE, `testsrc2=size=160x112:rate=25:duration=${seconds}`, ...options.split(' '), file]);
  if (packetSize > 0) writeFileSync(`${FOLDER}clip.${name}.rtp`, await packetsOf(file, format, packetSize));
}

async function packetsOf(file: string, format: string, packetSize: number): Promise<Uint8Array> {
  const socket = createSocket('udp4');
  const packets: Uint8Array[] = [];
  socket.on('message', (packet) => packets.push(Uint8Array.of(packet.length >> 8, packet.length), packet));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const target = `-c copy -strict experimental -f rtp -pkt_size ${packetSize} rtp://127.0.0.1:${socket.address().port}`;
  const sender = spawn('ffmpeg', ['-v', 'error', '-re', '-f', format, '-i', file, ...target.split(' ')]);
  await once(sender, 'exit');
  await new Promise((resolve) => setTimeout(resolve, 200));
  socket.close();
  return Buffer.concat(packets);
}
