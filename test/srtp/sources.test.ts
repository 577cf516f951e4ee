import { expect, test } from 'vitest';
import { MAX_ACTIVE_SOURCES, MAX_RETIRED_SOURCES, SourceTable } from '../../src/srtp/sources.ts';

test('one source more than may be active retires the one silent longest: its highest index stays known', () => {
  const table = new SourceTable(64);
  for (let ssrc = 0; ssrc < MAX_ACTIVE_SOURCES; ssrc++) table.add(ssrc, 100);
  table.add(0, 101); // not the oldest any more
  table.add(5000, 7);
  expect(table.mayBeNew(0, 99)).toBe(true);
  expect(table.mayBeNew(1, 99)).toBe(false); // retired: no window left
  expect(table.mayBeNew(1, 101)).toBe(true);
  expect(table.newest(1)).toBe(100);
  table.add(1, 102); // is back, and source 2 goes
  expect(table.mayBeNew(1, 101)).toBe(true);
  expect(table.mayBeNew(1, 100)).toBe(false);
  expect(table.mayBeNew(1, 102)).toBe(false);
  expect(table.mayBeNew(2, 99)).toBe(false);
  expect(table.indices().size).toBe(MAX_ACTIVE_SOURCES + 1);
});

test('forgets no source: at the bound there is room for the known ones only', () => {
  const table = new SourceTable(64);
  const most = MAX_ACTIVE_SOURCES + MAX_RETIRED_SOURCES;
  for (let ssrc = 0; ssrc < most; ssrc++) {
    expect(table.hasRoom(ssrc)).toBe(true);
    table.add(ssrc, 9);
  }
  expect(table.hasRoom(0xffff_ffff)).toBe(false);
  for (const known of [0, most - 1]) {
    expect(table.hasRoom(known)).toBe(true);
    expect(table.mayBeNew(known, 9)).toBe(false);
    table.add(known, 10);
  }
  expect(table.indices().size).toBe(most);
  expect(table.newest(0)).toBe(10);
});

test('asking makes no state', () => {
  const table = new SourceTable(64);
  for (let ssrc = 0; ssrc < 100; ssrc++) {
    expect(table.newest(ssrc)).toBe(-1);
    expect(table.mayBeNew(ssrc, 0)).toBe(true);
    expect(table.hasRoom(ssrc)).toBe(true);
  }
  expect(table.indices().size).toBe(0);
});

test('goes on from the indices of another table, at most as many as it keeps', () => {
  const table = new SourceTable(64, new Map([[7, 1000]]));
  expect(table.newest(7)).toBe(1000);
  expect(table.mayBeNew(7, 1000)).toBe(false);
  table.add(7, 1001);
  expect([...table.indices()]).toEqual([[7, 1001]]);
  const tooMany = new Map(Array.from({ length: MAX_RETIRED_SOURCES + 1 }, (_, ssrc) => [ssrc, 0]));
  expect(() => new SourceTable(64, tooMany)).toThrow(RangeError);
});
