/** A `DataView` of a buffer for word-wise access. */

let lastBuffer: ArrayBufferLike = new ArrayBuffer(0);
let lastView: DataView = new DataView(lastBuffer);

/**
 * A view of the whole `ArrayBuffer` under `bytes`: offsets in it begin at `bytes.byteOffset`. The last one is kept,
 * since packets are cut from slabs and making a view costs as much as encrypting a block; so one slab is kept alive.
 */
export function viewOf(bytes: Uint8Array): DataView {
  if (bytes.buffer !== lastBuffer) {
    lastBuffer = bytes.buffer;
    lastView = new DataView(lastBuffer);
  }
  return lastView;
}
