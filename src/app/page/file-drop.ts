/** Files dropped anywhere on the page. */
import { byId } from './dom.ts';

/** @returns ends it */
export function watchDrops(send: (files: readonly File[]) => void): () => void {
  const unbind = new AbortController();
  const { signal } = unbind;
  const overlay = byId('drop', HTMLDivElement);
  const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') === true;
  addEventListener(
    'dragover',
    (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      overlay.hidden = false;
    },
    { signal },
  );
  // Leaving an element for the one inside it is no leaving.
  addEventListener('dragleave', ({ relatedTarget }) => (overlay.hidden ||= relatedTarget === null), { signal });
  addEventListener(
    'drop',
    (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      overlay.hidden = true;
      send([...(event.dataTransfer?.files ?? [])]);
    },
    { signal },
  );
  return () => {
    overlay.hidden = true;
    unbind.abort();
  };
}
