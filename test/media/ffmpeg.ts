import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Whether there is an FFmpeg to make and judge files with. */
export const hasFfmpeg: boolean = ['ffmpeg', 'ffprobe'].every(
  (program) => spawnSync(program, ['-version'], { stdio: 'ignore' }).status === 0,
);
if (!hasFfmpeg) console.warn('FFmpeg is not installed: media files are not compared with it (apt-get install ffmpeg)');

/** A folder that is gone when the process ends. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'purertc-media-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function ffmpeg(...options: string[]): Uint8Array {
  return execFileSync('ffmpeg', ['-v', 'error', '-y', ...options], { maxBuffer: 256 * 1024 * 1024 });
}

export type ProbedStream = {
  codec_name: string;
  codec_type: string;
  width?: number;
  height?: number;
  channels?: number;
  sample_rate?: string;
  nb_read_frames: string;
};

/** The streams of a file, every frame of which was decoded. */
export function probe(path: string): ProbedStream[] {
  const text = execFileSync('ffprobe', ['-v', 'error', '-count_frames', '-show_streams', '-of', 'json', path]);
  return JSON.parse(String(text)).streams;
}

/** Timestamps of the packets of a stream (`v:0`, `a:0`), in seconds. */
export function packetTimes(path: string, stream: string): number[] {
  const options = ['-v', 'error', '-select_streams', stream, '-show_entries', 'packet=pts_time', '-of', 'json', path];
  const { packets } = JSON.parse(String(execFileSync('ffprobe', options))) as { packets: { pts_time: string }[] };
  return packets.map(({ pts_time }) => Number(pts_time));
}

/** What FFmpeg complains of when it decodes all of a file: nothing, when all is well. */
export function complaints(path: string): string {
  // The times as they are, however close: not the multiples of some frame rate.
  const asTimed = ['-fps_mode', 'passthrough', '-enc_time_base', '-1'];
  const { status, stderr } = spawnSync('ffmpeg', [
    '-v',
    'warning',
    '-xerror',
    '-i',
    path,
    ...asTimed,
    '-f',
    'null',
    '-',
  ]);
  const said = String(stderr)
    .replace(/^Guessed Channel Layout.*$/gm, '')
    .trim(); // of any PCM
  return status === 0 ? said : `status ${status}: ${said}`;
}

/** The first picture of a file as planes of 4:2:0. */
export function firstPicture(path: string): Uint8Array {
  return ffmpeg('-i', path, '-frames:v', '1', '-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-');
}

/** Arguments for a clip of 2 s in 50 pictures with a tone of 440 Hz beside it. */
export const VIDEO_SOURCE: readonly string[] = ['-f', 'lavfi', '-i', 'testsrc2=size=176x144:rate=25:duration=2'];
export const AUDIO_SOURCE: readonly string[] = ['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000:duration=2'];
