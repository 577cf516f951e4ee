/** Hands out the link to the room: the phone's own sheet, the clipboard, or a box to copy from. */
import { toast } from './toasts.ts';

export async function shareLink(url: string): Promise<void> {
  const onPhone = matchMedia('(pointer: coarse)').matches;
  if (onPhone && navigator.share !== undefined) {
    await navigator.share({ url }).catch(() => {}); // closed again
    return;
  }
  try {
    await navigator.clipboard.writeText(url);
    toast('Link copied');
  } catch {
    prompt('The link to this room:', url); // no clipboard for pages that are not on https
  }
}
