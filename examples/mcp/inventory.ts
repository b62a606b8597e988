import type { McpScopeMap } from 'oauth-resource-server/mcp';

/** What clients ask for at first. For the rest they come back when they need it. */
export const BASIC_SCOPES = ['read:inventory'];

/** What each part of the server requires. What isn't here is refused. */
export const SCOPES: McpScopeMap = {
  every: 'read:inventory', // of every request, whatever else it does
  tools: {
    count_stock: [], // nothing more
    order_stock: 'write:orders',
    move_stock: ['write:orders', 'write:inventory'], // both
  },
  resources: { 'inventory://stock/*': [] },
  prompts: { reorder: 'write:orders' },
};

/** What the tools say. */
export const answer = (text: string): { content: { type: 'text'; text: string }[] } => ({
  content: [{ type: 'text', text }],
});
