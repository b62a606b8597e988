import { paths } from '../../src/testing/authorization-server/authorization-server.js';
import type { Client } from '../../src/testing/authorization-server/clients.js';
import { formEncode } from '../core.js';
import { shellWord } from '../shell.js';

/** What a developer copies into an application or a shell. */
export interface SettingsToPaste {
  /** For the API. A module that runs as it is. */
  readonly resourceServer: string;
  /**
   * For the service that calls it: a module that runs as it is and makes one call. Undefined for a client
   * without a secret.
   */
  readonly client: string | undefined;
  /** The same as lines of an `.env` file. */
  readonly environment: string;
  /** A `curl` line that gets a token. Undefined for a client without a secret. */
  readonly getToken: string | undefined;
  /** The same, and a `curl` line that sends the token to an API. Undefined for a client without a secret. */
  readonly callApi: string | undefined;
}

/** Where the API of the examples is. */
const API_ORIGIN = 'http://127.0.0.1:3000';
/** Every machine that runs this has Node; few have jq. */
const READ_TOKEN = "node -p 'JSON.parse(fs.readFileSync(0)).access_token'";

export function settingsToPaste(issuer: string, client: Client): SettingsToPaste {
  const { clientId, clientSecret, scopes, audience } = client;
  const scope = scopes.length === 0 ? undefined : scopes.join(' ');
  const [api] = audience;
  const target = api !== undefined && isResource(api) ? { resource: api } : { audience: api };
  const secret = clientSecret === undefined ? undefined : { clientSecret };
  const getToken = secret && curl(issuer, { clientId, ...secret }, { scope, ...target });
  return {
    resourceServer: [
      "import { createResourceServer } from 'oauth-resource-server';",
      '',
      'const resourceServer = createResourceServer({',
      ...members({ issuer, audience: api }),
      '});',
    ].join('\n'),
    client:
      secret &&
      [
        "import { createClientCredentials } from 'oauth-resource-server/client';",
        '',
        'const api = createClientCredentials({',
        ...members({ issuer, clientId, ...secret, scope, ...target }),
        `  origins: [${quote(API_ORIGIN)}], // where the API listens`,
        '});',
        `const response = await api.fetch(${quote(`${API_ORIGIN}/`)});`,
        'console.log(response.status, await response.text());',
      ].join('\n'),
    environment: present({
      ISSUER: issuer,
      AUDIENCE: api,
      CLIENT_ID: clientId,
      CLIENT_SECRET: clientSecret,
      SCOPE: scope,
    })
      .map(([name, value]) => `${name}=${shellWord(value)}`)
      .join('\n'),
    getToken,
    callApi:
      getToken &&
      `TOKEN=$(${getToken} | ${READ_TOKEN})\ncurl -i -H "Authorization: Bearer $TOKEN" ${API_ORIGIN}/`,
  };
}

/** RFC 8707 §2: an absolute URI without fragment. Other names of an API go by the parameter `audience`. */
function isResource(text: string): boolean {
  return URL.canParse(text) && !text.includes('#');
}

type Values = Readonly<Record<string, string | undefined>>;

function present(values: Values): readonly (readonly [name: string, value: string])[] {
  return Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
}

interface Credentials {
  readonly clientId: string;
  readonly clientSecret: string;
}

function curl(issuer: string, { clientId, clientSecret }: Credentials, parameters: Values): string {
  const data = present({ grant_type: 'client_credentials', ...parameters }).map(
    ([name, value]) => `--data-urlencode ${shellWord(`${name}=${value}`)}`,
  );
  // RFC 6749 §2.3.1 wants id and secret form-encoded. curl doesn't do that, so it gets them encoded.
  const user = shellWord(`${formEncode(clientId)}:${formEncode(clientSecret)}`);
  return ['curl -s', `--user ${user}`, ...data, `${issuer}${paths.token}`].join(' ');
}

/** Lines of an object literal. */
function members(options: Values): readonly string[] {
  return present(options).map(([name, value]) => `  ${name}: ${quote(value)},`);
}

/** A string literal with single quotes. */
function quote(text: string): string {
  return `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}
