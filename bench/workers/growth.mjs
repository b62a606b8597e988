import { answerWith } from '../children.mjs';
import { measureHeap } from '../growth/heap.mjs';
import { measureIssuers } from '../growth/issuers.mjs';
import { measureKeys } from '../growth/keys.mjs';
import { measureScopes } from '../growth/scopes.mjs';
import { measureTokenSize } from '../growth/token-size.mjs';

answerWith({
  keys: measureKeys,
  issuers: measureIssuers,
  scopes: measureScopes,
  tokenSize: measureTokenSize,
  heap: measureHeap,
});
