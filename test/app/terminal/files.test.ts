import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { OpenFile, ReceivedFile } from '../../../src/app/terminal/files.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'purertc-files-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test('a received file has its name once it is complete, and not before', async () => {
  const file = await ReceivedFile.in(join(directory, 'new'), 'a.txt');
  await file.write(bytes('one '));
  await file.write(bytes('two'));
  expect(readdirSync(join(directory, 'new'))).toEqual(['a.txt.part']);
  await file.close();
  expect(readdirSync(join(directory, 'new'))).toEqual(['a.txt']);
  expect(readFileSync(file.path, 'utf8')).toBe('one two');
});

test('nothing is overwritten', async () => {
  writeFileSync(join(directory, 'a.txt'), 'mine');
  const files = await Promise.all([1, 2].map(() => ReceivedFile.in(directory, 'a.txt')));
  await Promise.all(files.map((file, i) => file.write(bytes(`theirs ${i}`))));
  for (const file of files) await file.close();
  expect(readFileSync(join(directory, 'a.txt'), 'utf8')).toBe('mine');
  expect(readFileSync(join(directory, 'a (2).txt'), 'utf8')).toBe('theirs 0');
  expect(readFileSync(join(directory, 'a (3).txt'), 'utf8')).toBe('theirs 1');
});

test('of a file that is given up nothing stays', async () => {
  const file = await ReceivedFile.in(directory, 'a.txt');
  await file.write(bytes('half'));
  await file.abort();
  expect(readdirSync(directory)).toEqual([]);
});

test('a file to send is read where it is asked for, and closed by whoever uses it last', async () => {
  const path = join(directory, 'b.txt');
  writeFileSync(path, '0123456789');
  const file = await OpenFile.at(path);
  expect([file.name, file.size]).toEqual(['b.txt', 10]);
  file.use();
  file.use();
  await file.release();
  expect(new TextDecoder().decode(await file.read(3, 4))).toBe('3456');
  expect(await file.read(8, 4)).toHaveLength(2);
  await file.release();
  await expect(file.read(0, 1)).rejects.toThrow();
});

test('a directory is no file, and what is not there is not either', async () => {
  await expect(OpenFile.at(directory)).rejects.toThrow('is no file');
  await expect(OpenFile.at(join(directory, 'none'))).rejects.toThrow('ENOENT');
  expect(existsSync(join(directory, 'none'))).toBe(false);
});
