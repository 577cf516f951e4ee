import { expect, test } from 'vitest';
import { parseCommand } from '../../../src/app/terminal/commands.ts';

test.each([
  ['', { kind: 'nothing' }],
  ['   ', { kind: 'nothing' }],
  ['hello there', { kind: 'say', text: 'hello there' }],
  ['//shrug', { kind: 'say', text: '/shrug' }],
  ['/', { kind: 'wrong', message: 'there is no /; /help has what there is' }],
  ['/send', { kind: 'wrong', message: '/send FILE' }],
  ['/send my file.png ', { kind: 'send', path: 'my file.png' }],
  ["/send '/a b/c.png'", { kind: 'send', path: '/a b/c.png' }],
  ['/accept', { kind: 'accept', number: null }],
  ['/refuse 12', { kind: 'refuse', number: 12 }],
  ['/cancel x', { kind: 'wrong', message: '/cancel NUMBER' }],
  ['/name Ada', { kind: 'name', name: 'Ada' }],
  ['/people', { kind: 'people' }],
  ['/quit now', { kind: 'quit' }],
  ['/dance', { kind: 'wrong', message: 'there is no /dance; /help has what there is' }],
])('%s', (line, command) => {
  expect(parseCommand(line)).toEqual(command);
});
