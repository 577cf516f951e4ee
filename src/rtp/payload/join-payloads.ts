/** What stands in each payload from its start on, one behind the other; a view where one payload has it all. */
export function joinPayloads(payloads: readonly Uint8Array[], starts: readonly number[]): Uint8Array {
  if (payloads.length === 1) return payloads[0]!.subarray(starts[0]);
  let length = 0;
  for (let i = 0; i < payloads.length; i++) length += payloads[i]!.length - starts[i]!;
  const joined = new Uint8Array(length);
  let at = 0;
  for (let i = 0; i < payloads.length; i++) {
    const content = payloads[i]!.subarray(starts[i]);
    joined.set(content, at);
    at += content.length;
  }
  return joined;
}
