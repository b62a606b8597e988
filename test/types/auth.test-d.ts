import { expectTypeOf } from 'vitest';
import type {
  AccessToken,
  Allowed,
  Auth,
  Decision,
  Denied,
  ResourceServer,
  ResourceServerError,
} from '../../src/index.js';
import { isAuth, isResourceServerError, UnavailableError } from '../../src/index.js';
import { fakeAuth } from '../../src/testing/index.js';

type MyClaims = { readonly tenant: string; readonly roles?: readonly string[] };

declare const auth: Auth;
declare const mine: Auth<MyClaims>;
declare const server: ResourceServer;

// Members are what the standards say, and what a token need not have may be undefined.
expectTypeOf(auth.token).toEqualTypeOf<string>();
expectTypeOf(auth.issuer).toEqualTypeOf<string>();
expectTypeOf(auth.subject).toEqualTypeOf<string | undefined>();
expectTypeOf(auth.clientId).toEqualTypeOf<string | undefined>();
expectTypeOf(auth.audience).toEqualTypeOf<readonly string[]>();
expectTypeOf(auth.scopes).toEqualTypeOf<readonly string[]>();
expectTypeOf(auth.expiresAt).toEqualTypeOf<number>();
expectTypeOf(auth.claims.iss).toEqualTypeOf<string>();
expectTypeOf(auth.claims.sub).toEqualTypeOf<string | undefined>();
expectTypeOf(auth.claims.tenant).toBeUnknown();
expectTypeOf(auth.header.x5t).toBeUnknown();

// An application's claims are typed where it says so, beside the standard ones.
expectTypeOf(mine.claims.tenant).toEqualTypeOf<string>();
expectTypeOf(mine.claims.roles).toEqualTypeOf<readonly string[] | undefined>();
expectTypeOf(mine.claims.exp).toEqualTypeOf<number>();
expectTypeOf(mine.claims.region).toBeUnknown();
expectTypeOf(fakeAuth<MyClaims>({ claims: { tenant: 'acme' } })).toEqualTypeOf<Auth<MyClaims>>();
// @ts-expect-error the claim has another type
fakeAuth<MyClaims>({ claims: { tenant: 42 } });
expectTypeOf(mine).toExtend<Auth>();
expectTypeOf(auth).toExtend<AccessToken>();

// Nothing of it can be changed.
// @ts-expect-error read-only
auth.clientId = 'another-client';
// @ts-expect-error read-only
auth.claims.sub = 'another-subject';
// @ts-expect-error read-only
mine.claims.tenant = 'another-tenant';
// @ts-expect-error read-only
auth.scopes.push('write:orders');

// A decision tells by its kind what else it has.
const decision = await server.authenticate(new Request('https://inventory.example.com/stock/42'));
expectTypeOf(decision).toEqualTypeOf<Decision>();
if (decision.kind === 'allowed') {
  expectTypeOf(decision).toEqualTypeOf<Allowed>();
  expectTypeOf(decision.auth).toEqualTypeOf<Auth | undefined>();
} else {
  expectTypeOf(decision).toEqualTypeOf<Denied>();
  expectTypeOf(decision.error).toEqualTypeOf<ResourceServerError>();
}
// @ts-expect-error only an allowed request has auth
decision.auth;
expectTypeOf(server.verify('eyJ')).resolves.toEqualTypeOf<Auth>();
expectTypeOf(server.authorize(undefined, { allScopes: ['read:inventory'] })).toEqualTypeOf<Decision>();
// @ts-expect-error an unknown member of a requirement
server.authorize(auth, { scopes: ['read:inventory'] });

// The guards narrow what came from outside.
declare const something: unknown;
if (isAuth(something)) expectTypeOf(something).toEqualTypeOf<Auth>();
if (isResourceServerError(something)) expectTypeOf(something.reason).toExtend<string>();
if (something instanceof UnavailableError) expectTypeOf(something.status).toEqualTypeOf<503>();
