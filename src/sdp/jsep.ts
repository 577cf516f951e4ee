/** The offer/answer rules of JSEP as pure functions (RFC 8829 §5). Signatures only, so far. */
import type { SessionDescription } from './description.ts';
import type { LocalModel, NegotiationState } from './model.ts';

const todo = (): never => {
  throw new Error('under construction');
};

/** RFC 8829 §5.2. `data`: whether a data section is wanted; one that exists is kept either way. */
export function createOffer(
  _model: LocalModel,
  _state: NegotiationState,
  _wants: { readonly data: boolean },
): SessionDescription {
  return todo();
}

/** RFC 8829 §5.3: the answer to `state.remote`, which must be an offer. */
export function createAnswer(_model: LocalModel, _state: NegotiationState): SessionDescription {
  return todo();
}
