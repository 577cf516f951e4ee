/**
 * The ratchet: expectations.json lists the subtests that are known not to pass, each with a reason. Whatever differs from
 * it, for the worse or for the better, fails the run, so that the list stays true.
 *
 *   { "<file>": { "<subtest>": { "reason": "…", "core": true, "flaky": true } } }
 *
 * core: passes in both browsers, so the reason has to be a good one. flaky: may pass or not, or not be reached.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

export function readExpectations(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
}

/** @returns {string[]} what was not as expected, a line each */
export function compare(results, expectations) {
  const surprises = [];
  const seen = new Set();
  for (const { id, tests, harness } of results) {
    if (tests.length === 0) surprises.push(`no subtests (harness: ${harness}): ${id}`);
    for (const { name, status, message } of tests) {
      seen.add(`${id}\0${name}`);
      const expected = expectations[id]?.[name];
      if (expected?.flaky) continue;
      if (status === 'PASS' && expected) surprises.push(`unexpected pass: ${id} | ${name}`);
      if (status !== 'PASS' && !expected) surprises.push(`unexpected ${status}: ${id} | ${name} | ${message ?? ''}`);
    }
  }
  const ran = new Set(results.map(({ id }) => id));
  for (const [id, tests] of Object.entries(expectations)) {
    if (!ran.has(id)) continue; // of another class
    for (const [name, { flaky }] of Object.entries(tests)) {
      if (!flaky && !seen.has(`${id}\0${name}`)) surprises.push(`expected to fail, but did not run: ${id} | ${name}`);
    }
  }
  return surprises;
}

export function writeExpectations(file, results, core, before) {
  const ran = new Set(results.map(({ id }) => id));
  const expectations = Object.fromEntries(Object.entries(before).filter(([id]) => !ran.has(id)));
  for (const { id, tests } of results) {
    for (const { name, status } of tests) {
      const known = before[id]?.[name];
      if (status === 'PASS' && !known?.flaky) continue;
      expectations[id] ??= {};
      expectations[id][name] = known ?? { reason: 'TODO', ...(core[id]?.includes(name) && { core: true }) };
    }
  }
  writeFileSync(file, `${JSON.stringify(expectations, null, 2)}\n`);
}
