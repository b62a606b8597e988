import { type AcceptedToken, type Forgery, forgedRequest, signWith } from './forgery.js';

/** A good token in a bad header line, or nowhere (RFC 6750 §2.1, RFC 9110 §11.4). */
export function forgedCredentials(accepted: AcceptedToken): readonly Forgery[] {
  const token = signWith(accepted);
  return [
    ...noCredentials(token, accepted.clientId),
    ...malformedCredentials(token),
    forgedRequest('Bearer followed by a second scheme', 'multiple_methods', {
      Authorization: `Bearer ${token}, Basic dGVzdDp0ZXN0`,
    }),
  ];
}

/** RFC 6750 §3.1: another scheme isn't ours, so these requests carry no credentials. */
function noCredentials(token: string, clientId: string): readonly Forgery[] {
  const basic = Buffer.from(`${clientId}:${token}`).toString('base64');
  const rows: Readonly<Record<string, Record<string, string>>> = {
    'no credentials': {},
    'token under the scheme Basic': { Authorization: `Basic ${basic}` },
    'token under another scheme': { Authorization: `JWT ${token}` },
    'token without a scheme': { Authorization: token },
    'token in a cookie': { Cookie: `access_token=${token}` },
    'token in Proxy-Authorization': { 'Proxy-Authorization': `Bearer ${token}` },
  };
  return Object.entries(rows).map(([name, headers]) => forgedRequest(name, 'missing_credentials', headers));
}

function malformedCredentials(token: string): readonly Forgery[] {
  const rows: Readonly<Record<string, string>> = {
    'Bearer without a token': 'Bearer',
    'Bearer with spaces only': 'Bearer  ',
    'Bearer and the token separated by a tab': `Bearer\t${token}`,
    'Bearer with two tokens': `Bearer ${token} ${token}`,
    'Bearer with a list of tokens': `Bearer ${token},${token}`,
    'Bearer with a quoted token': `Bearer "${token}"`,
    'Bearer with a parameter': `Bearer token="${token}"`,
    'Bearer with a character outside of token68': `Bearer ${token}%00`,
    'Bearer with a character outside of ASCII': `Bearer ${token}\xe9`,
    'Bearer with padding inside the token': `Bearer ${token}=${token}`,
  };
  return Object.entries(rows).map(([name, value]) =>
    forgedRequest(name, 'malformed_credentials', { Authorization: value }),
  );
}
