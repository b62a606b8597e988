import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createResourceServer } from '../../src/index.js';
import { checkResource } from '../../src/options/resource.js';

const WELL_KNOWN = '/.well-known/oauth-protected-resource';
const identifiers = fc.webUrl({ validSchemes: ['https'], withQueryParameters: true });

it('publishes an accepted identifier unchanged, at its own location', {
  tags: ['PRM-01', 'PRM-03'],
}, () => {
  let taken = 0;
  fc.assert(
    fc.property(identifiers, (identifier) => {
      let settings: ReturnType<typeof checkResource>;
      try {
        settings = checkResource(identifier, [], false, false);
      } catch {
        return; // written in a way that clients would write differently
      }
      taken += 1;
      const metadataUrl = new URL(settings?.metadataUrl ?? '');
      expect(settings?.identifier).toBe(identifier);
      expect(metadataUrl.href).toBe(settings?.metadataUrl);
      expect(metadataUrl.origin).toBe(new URL(identifier).origin);
      const rest = `${metadataUrl.pathname}${metadataUrl.search}`.slice(WELL_KNOWN.length);
      expect(new URL(`${metadataUrl.origin}${rest}`).href).toBe(new URL(identifier).href);
    }),
  );
  expect(taken).toBeGreaterThan(20);
});

it('accepts any value of the option, or throws a TypeError', { tags: ['PRM-02', 'OPS-09'] }, () => {
  fc.assert(
    fc.property(fc.anything(), (resource) => {
      try {
        createResourceServer({
          issuer: 'https://auth.example.com',
          audience: 'api',
          resource: resource as string, // as an application without types may pass it
        });
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError);
      }
    }),
  );
});

it('serves the metadata at its own URL only', { tags: ['PRM-01', 'PRM-11'] }, () => {
  const { resourceMetadata } = createResourceServer({
    issuer: 'https://auth.example.com',
    audience: 'api',
    resource: 'https://api.example.com/mcp?t=1',
  });
  const target = `${WELL_KNOWN}/mcp?t=1`;
  fc.assert(
    fc.property(
      fc.oneof(
        fc.webUrl(),
        fc.string().map((path) => `http://localhost/${path}${target}`),
      ),
      (url) => {
        expect(resourceMetadata?.answer({ method: 'GET', url, header: () => undefined })).toBeUndefined();
      },
    ),
  );
});
