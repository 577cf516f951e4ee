/** What is typed: something to say, or a command after a slash. */

export type Command =
  | { readonly kind: 'say'; readonly text: string }
  | { readonly kind: 'send'; readonly path: string }
  | { readonly kind: 'accept' | 'refuse' | 'cancel'; readonly number: number | null }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'people' | 'stats' | 'help' | 'quit' | 'nothing' }
  | { readonly kind: 'wrong'; readonly message: string };

export const COMMANDS_HELP: readonly string[] = [
  '/send FILE            to everybody',
  '/accept, /refuse [N]  a file that is offered; the last one, or by its number',
  '/cancel [N]           a file that is under way',
  '/people  /stats       who is here, and how the connections are',
  '/name NAME  /quit     anything else is said; what begins with two slashes, with one',
];

export function parseCommand(line: string): Command {
  if (line.trim() === '') return { kind: 'nothing' };
  if (!line.startsWith('/')) return { kind: 'say', text: line };
  if (line.startsWith('//')) return { kind: 'say', text: line.slice(1) };
  const [, name = '', rest = ''] = /^\/(\S*)\s*(.*?)\s*$/s.exec(line)!;
  switch (name) {
    case 'send':
      return rest === '' ? wrong('/send FILE') : { kind: 'send', path: unquote(rest) };
    case 'accept':
    case 'refuse':
    case 'cancel': {
      const number = rest === '' ? null : Number(rest);
      return number === null || Number.isInteger(number) ? { kind: name, number } : wrong(`/${name} NUMBER`);
    }
    case 'name':
      return rest === '' ? wrong('/name NAME') : { kind: 'name', name: rest };
    case 'people':
    case 'stats':
    case 'help':
    case 'quit':
      return { kind: name };
    default:
      return wrong(`there is no /${name}; /help has what there is`);
  }
}

function wrong(message: string): Command {
  return { kind: 'wrong', message };
}

/** A file dropped on a terminal comes in quotes. */
function unquote(text: string): string {
  const [, inner] = /^(['"])(.*)\1$/s.exec(text) ?? [];
  return /^'(.*)'$/s.exec(text)?.[1] ?? (inner === undefined ? text : text.slice(1, -1));
}
