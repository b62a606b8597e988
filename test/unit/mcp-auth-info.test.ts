import { describe, expect, it } from 'vitest';
import { toMcpAuthInfo } from '../../src/mcp-auth-info.js';
import { createResourceServer } from '../../src/resource-server.js';
import { createTestIssuer, fakeAuth } from '../../src/testing/index.js';

const issuer = await createTestIssuer();

describe('toMcpAuthInfo', () => {
  const caller = fakeAuth({ clientId: 'order-service', scopes: ['read'] });

  it('is what the SDK wants, and has the Auth', { tags: ['MCP-08'] }, () => {
    const info = toMcpAuthInfo(caller);
    const { token: taken, clientId, scopes, expiresAt } = caller;
    expect(info).toEqual({ token: taken, clientId, scopes, expiresAt, extra: { auth: caller } });
    info.scopes.push('write');
    expect(caller.scopes).toEqual(['read']);
  });

  it('names the metadata of a server that has some', { tags: ['MCP-02'] }, () => {
    const resource = 'https://mcp.example.com/mcp';
    const metadata = 'https://mcp.example.com/.well-known/oauth-protected-resource/mcp';
    const withMetadata = createResourceServer({ ...issuer.options, resource });
    expect(toMcpAuthInfo(caller, withMetadata).resourceMetadataUrl).toBe(metadata);
    expect(toMcpAuthInfo(caller, createResourceServer(issuer.options))).not.toHaveProperty(
      'resourceMetadataUrl',
    );
  });
});
