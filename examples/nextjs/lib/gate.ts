import { resourceServer } from 'oauth-resource-server/fetch';

const { ISSUER = '', AUDIENCE = '', API_URL = '', RESOURCE } = process.env;

/** Wrong options throw at once: when the server starts, and in `next build`, which loads every route. */
export const gate = resourceServer({
  issuer: ISSUER,
  audience: AUDIENCE,
  baseUrl: API_URL, // where clients find the API, which `request.url` doesn't tell
  ...(RESOURCE !== undefined && { resource: RESOURCE }),
});
