import { afterAll, beforeAll, describe, it } from 'vitest';
import { adapterContract, createTestIssuer } from '../../src/testing/index.js';
import { keepResults, type Result } from './results.js';
import { runtimes } from './runtimes.js';
import { type RemoteHarness, serveIntrospection, startRemote } from './start.js';

const issuer = await createTestIssuer();
const { issuer: trusted, audience } = issuer.options;
const keys = await trusted.jwks?.();
const introspection = await serveIntrospection(issuer);
const setup = (settings) => ({ ...settings, issuer: trusted.issuer, audience, keys, introspection: introspection.url });
