import { answerWith } from '../children.mjs';
import { measureHeap } from '../growth/heap.mjs';
import { measureIssuers } from '../growth/issuers.mjs';
import { measureKeys } from '../growth/keys.mjs';
import { measureKinds } from '../growth/kinds.mjs';
import { measureScopes } from '../growth/scopes.mjs';
import { measureTokenSize } from '../growth/token-size.mjs';

answerWith({
  keys: measureKeys,
  kinds: measureKinds,
  issuers: measureIssuers,
  scopes: measureScopes,
  tokenSize: measureTokenSize,
  heap: measureHeap,
});
