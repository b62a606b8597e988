import type { Requirement } from '../../src/index.js';
import { type Next, type Refusal, type Reply, refuse } from './answers.js';
import { recordRefusal } from './deny.js';
import { type Mistake, requirePassage } from './passage.js';
import { toError } from './settle.js';

/** Every authenticated request meets this, and no anonymous one does. */
export const ANYONE: Requirement = Object.freeze({ claims: () => true });
/** Advice that's never shown: a gate has just seen the request. */
export const UNREACHABLE: Mistake = { name: 'authenticate', advice: '' };

/**
 * Checks requirements of a request that a gate let in. They're checked together, so that one challenge names
 * everything that's needed. It also names the scopes that the request turned out to have before. A
 * requirement that was met isn't checked again.
 *
 * @param request the arrival's `message` or `request`
 * @param requirements all known ones of the route
 * @returns the refusal, which is logged; undefined if they're met
 * @throws {Error} no gate has seen the request, which is a mistake in the application
 */
export function checkRequirements(
  request: object,
  requirements: readonly Requirement[],
  mistake: Mistake,
): Refusal | undefined {
  const passage = requirePassage(request, mistake);
  const { server, auth, met } = passage;
  // Nearly always nothing was met before, and then no list is copied.
  const open = met.length === 0 ? requirements : requirements.filter((one) => !met.includes(one));
  if (open.length === 0) return undefined;
  // Those with a predicate add nothing to a challenge, and it isn't called twice.
  const named = met.filter(({ claims, authorizationDetails }) => !claims && !authorizationDetails);
  const asked = named.length === 0 ? open : [...named, ...open];
  const decision = server.authorize(auth, asked, passage.arrival.view);
  if (decision.kind !== 'allowed') {
    passage.unmet = open;
    return recordRefusal(passage, decision);
  }
  passage.met = met.length === 0 ? open : [...met, ...open];
  return undefined;
}

/** {@link checkRequirements} for frameworks with callbacks: calls `next`, or answers. */
export function enforceRequirements(
  request: object,
  requirements: readonly Requirement[],
  mistake: Mistake,
  reply: Reply,
  next: Next,
): void {
  refuseOrContinue(() => checkRequirements(request, requirements, mistake), reply, next);
}

/**
 * Answers the refusal that `find` returns, or calls `next` if there's none. What `find` throws goes to `next`
 * too.
 */
export function refuseOrContinue(find: () => Refusal | undefined, reply: Reply, next: Next): void {
  let refusal: Refusal | undefined;
  try {
    refusal = find();
  } catch (cause) {
    next(toError(cause));
    return;
  }
  if (refusal === undefined) next();
  else refuse(refusal, reply, next);
}
