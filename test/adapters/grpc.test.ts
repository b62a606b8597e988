import { once } from 'node:events';
import { connect } from 'node:http2';
import {
  Client,
  type ClientReadableStream,
  credentials,
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  logVerbosity,
  Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServiceError,
  setLogVerbosity,
  status,
} from '@grpc/grpc-js';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  authenticate,
  deny,
  type GrpcOptions,
  getAuth,
  type Methods,
  requireClaims,
  requireScope,
} from '../../adapters/grpc/index.js';
import {
  createResourceServer,
  InsufficientScopeError,
  type ResourceServer,
  type ResourceServerOptions,
} from '../../src/index.js';
import {
  createClientCertificate,
  createDpopKey,
  createTestIssuer,
  fakeAuth,
} from '../../src/testing/index.js';
import { codeFor, frame, grpcCaller, requestCall } from '../support/grpc-call.js';

setLogVerbosity(logVerbosity.NONE); // it logs metadata that it can't take
const issuer = await createTestIssuer();

const json = {
  serialize: (value: unknown): Buffer => Buffer.from(JSON.stringify(value)),
  deserialize: (bytes: Buffer): unknown => JSON.parse(bytes.toString() || '{}'),
};
const method = (
  name: string,
  requestStream = false,
  responseStream = false,
): MethodDefinition<unknown, unknown> => ({
  path: `/test.Orders/${name}`,
  requestStream,
  responseStream,
  requestSerialize: json.serialize,
  requestDeserialize: json.deserialize,
  responseSerialize: json.serialize,
  responseDeserialize: json.deserialize,
});
const service = {
  Read: method('Read'),
  Own: method('Own'),
  Open: method('Open'),
  Forgotten: method('Forgotten'),
  Watch: method('Watch', false, true),
  Upload: method('Upload', true, false),
  Talk: method('Talk', true, true),
};
const ran = vi.fn();
const heard = vi.fn();
const read: handleUnaryCall<unknown, unknown> = (call, callback) => {
  ran();
  callback(null, { caller: getAuth(call).clientId });
};
const own: handleUnaryCall<unknown, unknown> = (call, callback) =>
  callback(deny(new InsufficientScopeError('claims_not_met'), call));
const open: handleUnaryCall<unknown, unknown> = (_call, callback) => callback(null, { open: true });
const watch: handleServerStreamingCall<unknown, unknown> = (call) => {
  call.write({ caller: getAuth(call).clientId });
  call.on('cancelled', ran);
};
const upload: handleClientStreamingCall<unknown, unknown> = (call) => {
  getAuth(call);
  call.resume();
  call.on('cancelled', ran);
};
const talk: handleBidiStreamingCall<unknown, unknown> = (call) => {
  call.on('data', (message) => {
    heard(message);
    call.write({ caller: getAuth(call).clientId, message });
  });
  call.on('cancelled', ran);
};

const METHODS: Methods = {
  '/test.Orders/*': requireScope('read:orders'),
  '/test.Orders/Open': 'public',
  '/test.Orders/Own': [requireScope('read:orders')],
};
const READ = { scope: 'read:orders' };

async function start(
  options: ResourceServerOptions | ResourceServer = issuer.options,
  methods: Methods = METHODS,
  serverCredentials = ServerCredentials.createInsecure(),
  grpcOptions?: GrpcOptions,
) {
  ran.mockClear();
  heard.mockClear();
  const server = new Server({ interceptors: [authenticate(options, methods, grpcOptions)] });
  server.addService(service, {
    Read: read,
    Own: own,
    Open: open,
    Forgotten: read,
    Watch: watch,
    Upload: upload,
    Talk: talk,
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', serverCredentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  onTestFinished(() => server.forceShutdown());
  return port;
}

function clientOf(port: number, channel = credentials.createInsecure()) {
  const client = new Client(`127.0.0.1:${port}`, channel, {
    'grpc.ssl_target_name_override': 'localhost',
  });
  onTestFinished(() => client.close());
  return client;
}

function metadataWith(headers: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
}

const ended = async (stream: object): Promise<ServiceError> => {
  const [error] = await once(stream as ClientReadableStream<unknown>, 'error'); // each stream has these events
  return error;
};

describe('calls', () => {
  it('reach their handler with a good token, which it can read', async () => {
    const call = grpcCaller(await start());
    const outcome = await call(service.Read.path, await issuer.authorization(READ));
    expect(outcome).toMatchObject({ code: status.OK });
    expect(json.deserialize(outcome.message)).toEqual({ caller: 'test-client' });
  });

  it('are refused with every forgery, with the code that gRPC has for it', { tags: ['OPS-09'] }, async () => {
    const call = grpcCaller(await start());
    const url = `https://localhost${service.Read.path}`;
    const forgeries = await issuer.forgeries(READ);
    for (const forgery of forgeries) {
      const { code, challenge } = await call(service.Read.path, forgery.headers);
      expect(code, forgery.name).toBe(codeFor(forgery));
      expect(challenge, forgery.name).toMatch(/^Bearer realm=/);
    }
    const proofs = await issuer.dpopForgeries({ method: 'POST', url }, READ);
    for (const { headers, name } of proofs) {
      const { code } = await call(service.Read.path, headers);
      expect([status.INVALID_ARGUMENT, status.UNAUTHENTICATED, status.PERMISSION_DENIED], name).toContain(
        code,
      );
    }
    expect(forgeries.length + proofs.length).toBeGreaterThan(160);
    expect(ran).not.toHaveBeenCalled();
  });

  it('say in the trailing metadata what is needed', async () => {
    const call = grpcCaller(await start());
    expect(await call(service.Read.path, {})).toEqual({
      code: status.UNAUTHENTICATED,
      details: 'No access token was sent',
      challenge: 'Bearer realm="api"',
      pushback: undefined,
      message: Buffer.alloc(0),
    });
    const narrow = await call(service.Read.path, await issuer.authorization({ scope: 'other' }));
    expect(narrow).toMatchObject({ code: status.PERMISSION_DENIED });
    expect(narrow.challenge).toContain('error="insufficient_scope"');
    expect(narrow.challenge).toContain('scope="read:orders"');
  });

  it('are UNAVAILABLE during an outage, with the time to wait', { tags: ['OPS-09'] }, async () => {
    const other = await createTestIssuer();
    other.goDown();
    const call = grpcCaller(await start(other.options));
    const { code, challenge, pushback } = await call(service.Read.path, await other.authorization(READ));
    expect({ code, challenge }).toEqual({ code: status.UNAVAILABLE, challenge: undefined });
    expect(Number(pushback)).toBeGreaterThanOrEqual(1000);
    expect(await call(service.Read.path, {})).toMatchObject({ code: status.UNAUTHENTICATED });
    expect(await call(service.Open.path, {})).toMatchObject({ code: status.OK });
  });

  it('are refused with more than one token, or one in binary', { tags: ['BRR-07'] }, async () => {
    const call = grpcCaller(await start());
    const { Authorization: authorization } = await issuer.authorization(READ);
    const binary = Buffer.from(authorization).toString('base64');
    for (const metadata of [
      { authorization: `${authorization}, ${authorization}` },
      { authorization, 'authorization-bin': binary },
      { 'authorization-bin': binary },
    ])
      expect(await call(service.Read.path, metadata)).toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(ran).not.toHaveBeenCalled();
  });

  it('are refused with a token that is bound to a DPoP key, whatever proof comes', async () => {
    const call = grpcCaller(await start());
    const key = await createDpopKey();
    const token = await issuer.token({ ...READ, cnf: { jkt: key.thumbprint } });
    const url = `https://localhost${service.Read.path}`;
    const headers = await key.headers({ method: 'POST', url, token });
    const { code, challenge } = await call(service.Read.path, headers);
    expect(code).toBe(status.UNAUTHENTICATED);
    expect(challenge).toMatch(/^Bearer /);
  });

  it('can be refused by their handler', async () => {
    const call = grpcCaller(await start());
    const { code, details, challenge } = await call(service.Own.path, await issuer.authorization(READ));
    expect(code).toBe(status.PERMISSION_DENIED);
    expect(details).toBe('The access token does not grant access to this resource');
    expect(challenge).toContain('scope="read:orders"');
  });

  it('are never anonymous', { tags: ['BRR-31'] }, async () => {
    const call = grpcCaller(await start({ ...issuer.options, optional: true }, { '/test.Orders/Read': [] }));
    expect((await call(service.Read.path, {})).code).toBe(status.UNAUTHENTICATED);
    expect(ran).not.toHaveBeenCalled();
  });

  it('end with INTERNAL for a bug, which is reported and ends no process', { tags: ['OPS-09'] }, async () => {
    const server = createResourceServer(issuer.options);
    const bug = new Error('a bug');
    vi.spyOn(server, 'authenticate').mockRejectedValue(bug);
    const emitWarning = vi.spyOn(process, 'emitWarning').mockReturnValue();
    onTestFinished(() => emitWarning.mockRestore());
    const call = grpcCaller(await start(server));
    const outcome = await call(service.Read.path, await issuer.authorization(READ));
    expect(outcome).toMatchObject({ code: status.INTERNAL, details: 'Internal error' });
    expect(emitWarning).toHaveBeenCalledWith(bug);
  });

  it('that are cancelled while their token is verified reach no handler', async () => {
    const server = createResourceServer(issuer.options);
    const authenticate = server.authenticate.bind(server);
    let verify = (): void => undefined;
    const verifying = new Promise<void>((resolve) => {
      vi.spyOn(server, 'authenticate').mockImplementation(async (request) => {
        resolve();
        await new Promise<void>((go) => {
          verify = go;
        });
        return authenticate(request);
      });
    });
    const client = clientOf(await start(server));
    const { path, requestSerialize, responseDeserialize } = service.Watch;
    const stream = client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      {},
      metadataWith(await issuer.authorization(READ)),
    );
    const error = ended(stream);
    await verifying;
    stream.cancel();
    verify();
    expect((await error).code).toBe(status.CANCELLED);
    expect(ran).not.toHaveBeenCalled();
  });
});

describe('methods', () => {
  it('that are not listed are open to nobody', { tags: ['OPS-09'] }, async () => {
    const call = grpcCaller(
      await start(issuer.options, { '/test.Orders/Read': requireScope('read:orders') }),
    );
    const authorization = await issuer.authorization(READ);
    expect(await call(service.Forgotten.path, {})).toMatchObject({ code: status.UNAUTHENTICATED });
    expect(await call(service.Forgotten.path, authorization)).toMatchObject({
      code: status.PERMISSION_DENIED,
    });
    expect(ran).not.toHaveBeenCalled();
    expect(await call(service.Read.path, authorization)).toMatchObject({ code: status.OK });
    expect(await call('/test.Orders/Nothing', authorization)).toMatchObject({ code: status.UNIMPLEMENTED });
  });

  it('need a token and nothing else if their list is empty', async () => {
    const call = grpcCaller(await start(issuer.options, { '/test.Orders/Read': [] }));
    expect(await call(service.Read.path, await issuer.authorization())).toMatchObject({ code: status.OK });
    expect(await call(service.Read.path, {})).toMatchObject({ code: status.UNAUTHENTICATED });
  });

  it('name all that is missing at once', async () => {
    const wanted = [requireScope('a'), requireScope('b'), requireClaims(() => true)];
    const call = grpcCaller(await start(issuer.options, { '/test.Orders/*': wanted }));
    const { challenge } = await call(service.Read.path, await issuer.authorization(READ));
    expect(challenge).toContain('scope="a b"');
  });

  it.each([
    [{ Read: 'public' }, 'methods: "Read" isn\'t the full name of a method: /package.Service/Method'],
    [{ '/test.Orders': [] }, 'methods: "/test.Orders"'],
    [{ '/test.*/Read': [] }, 'methods: "/test.*/Read"'],
    [
      { '/test.Orders/Read': 'pubilc' },
      '"/test.Orders/Read" takes \'public\', a requirement or a list of them',
    ],
    [{ '/test.Orders/Read': undefined }, '"/test.Orders/Read" takes'],
    [{ '/test.Orders/Read': [null] }, '"/test.Orders/Read" takes'],
  ])('are checked when the interceptor is made: %j', (methods, message) => {
    expect(() => authenticate(issuer.options, methods as Methods)).toThrow(message); // wrong on purpose
  });
});

it.each([{ recheckSeconds: 0 }, { recheckSeconds: '60' }, { recheck: 60 }])(
  'refuses the options %j',
  (given) => {
    expect(() => authenticate(issuer.options, METHODS, given as GrpcOptions)).toThrow(TypeError); // wrong on purpose
  },
);

describe('streams', () => {
  const strict = { ...issuer.options, clockToleranceSeconds: 0 };
  const soon = async () => {
    const exp = Math.ceil(Date.now() / 1000) + 1;
    return metadataWith(await issuer.authorization({ ...READ, exp }));
  };

  it('end when their token expires, in whichever direction they go', { tags: ['OPS-09'] }, async () => {
    const client = clientOf(await start(strict));
    const metadata = await soon();
    const { requestSerialize: write, responseDeserialize: parse } = service.Watch;
    const watching = client.makeServerStreamRequest(service.Watch.path, write, parse, {}, metadata);
    const uploading = client.makeClientStreamRequest(service.Upload.path, write, parse, metadata, () => {});
    const talking = client.makeBidiStreamRequest(service.Talk.path, write, parse, metadata);
    const messages = [once(watching, 'data'), once(talking, 'data')];
    const statuses = [ended(watching), once(uploading, 'status').then(([one]) => one), ended(talking)];
    uploading.write({});
    talking.write({ n: 1 });
    expect(await Promise.all(messages)).toEqual([
      [{ caller: 'test-client' }],
      [{ caller: 'test-client', message: { n: 1 } }],
    ]);
    for (const { code, details } of await Promise.all(statuses)) {
      expect({ code, details }).toEqual({
        code: status.UNAUTHENTICATED,
        details: 'The access token expired',
      });
    }
    await vi.waitFor(() => expect(ran).toHaveBeenCalledTimes(3)); // each handler hears of it
  });

  it('have timers that hold no process and are gone with the stream', async () => {
    const timers: NodeJS.Timeout[] = [];
    const { setTimeout } = globalThis;
    const spy = vi.spyOn(globalThis, 'setTimeout').mockImplementation(((run: () => void, ms: number) => {
      const timer = setTimeout(run, ms);
      if (ms > 55_000 && ms <= 60_000) timers.push(timer); // until it's verified anew
      return timer;
    }) as typeof setTimeout);
    const clear = vi.spyOn(globalThis, 'clearTimeout');
    onTestFinished(() => {
      spy.mockRestore();
      clear.mockRestore();
    });
    const client = clientOf(await start());
    const { path, requestSerialize, responseDeserialize } = service.Watch;
    const metadata = metadataWith(await issuer.authorization(READ));
    const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {}, metadata);
    await once(stream, 'data');
    expect(timers.map((timer) => timer.hasRef())).toEqual([false]);
    const error = ended(stream);
    stream.cancel();
    await error;
    await vi.waitFor(() => expect(clear).toHaveBeenCalledWith(timers[0]));
  });

  it('end when their token is revoked', { tags: ['OPS-09'] }, async () => {
    let isRevoked = false;
    const options = { ...issuer.options, isRevoked: () => isRevoked };
    const client = clientOf(await start(options, METHODS, undefined, { recheckSeconds: 1 }));
    const { path, requestSerialize, responseDeserialize } = service.Watch;
    const metadata = metadataWith(await issuer.authorization(READ));
    const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {}, metadata);
    const error = ended(stream);
    await once(stream, 'data');
    isRevoked = true;
    expect(await error).toMatchObject({
      code: status.UNAUTHENTICATED,
      details: 'The access token was revoked',
    });
  });
});

describe('a client that reads nothing', () => {
  it('is heard no longer than its token lives, and finds the status when it reads', {
    tags: ['OPS-09'],
  }, async () => {
    let isRevoked = false;
    const options = { ...issuer.options, isRevoked: () => isRevoked };
    const port = await start(options, METHODS, undefined, { recheckSeconds: 1 });
    const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 0 } });
    onTestFinished(() => session.destroy());
    const stream = requestCall(session, service.Talk.path, await issuer.authorization(READ));
    stream.write(frame(json.serialize({ n: 1 })));
    await vi.waitFor(() => expect(heard).toHaveBeenCalledWith({ n: 1 }));
    isRevoked = true;
    await vi.waitFor(() => expect(ran).toHaveBeenCalled(), { timeout: 5000 }); // cancelled
    stream.write(frame(json.serialize({ n: 2 })));
    await new Promise((resolve) => session.ping(resolve)); // by then the server has it
    expect(heard).toHaveBeenCalledTimes(1);
    const trailers = once(stream, 'trailers');
    stream.resume();
    session.settings({ initialWindowSize: 65_535 });
    expect((await trailers)[0]).toMatchObject({ 'grpc-status': String(status.UNAUTHENTICATED) });
  });
});

describe('certificate-bound tokens', () => {
  it('are accepted with their certificate, if gRPC verified it', { tags: ['MTL-01'] }, async () => {
    const [ofServer, mine, other] = await Promise.all([
      createClientCertificate({ commonName: '127.0.0.1' }),
      createClientCertificate({ commonName: 'mine' }),
      createClientCertificate({ commonName: 'other' }),
    ]);
    const pem = (text: string) => Buffer.from(text);
    const roots = pem(mine.certificate + other.certificate);
    const pair = { private_key: pem(ofServer.privateKey), cert_chain: pem(ofServer.certificate) };
    const port = await start(
      { ...issuer.options, mtls: true },
      METHODS,
      ServerCredentials.createSsl(roots, [pair], true),
    );
    const metadata = metadataWith(
      await issuer.authorization({ ...READ, cnf: { 'x5t#S256': mine.thumbprint } }),
    );
    const codeWith = async ({ certificate, privateKey }: typeof mine) => {
      const channel = credentials.createSsl(pem(ofServer.certificate), pem(privateKey), pem(certificate), {
        checkServerIdentity: () => undefined,
      });
      const { path, requestSerialize, responseDeserialize } = service.Read;
      const client = clientOf(port, channel);
      return new Promise((resolve) =>
        client.makeUnaryRequest(path, requestSerialize, responseDeserialize, {}, metadata, (error) =>
          resolve(error?.code ?? status.OK),
        ),
      );
    };
    expect(await codeWith(mine)).toBe(status.OK);
    expect(await codeWith(other)).toBe(status.UNAUTHENTICATED);
    const plain = grpcCaller(await start({ ...issuer.options, mtls: true }));
    const [authorization = ''] = metadata.get('authorization').map(String);
    expect(await plain(service.Read.path, { authorization })).toMatchObject({ code: status.UNAUTHENTICATED });
  });
});

it('finds who calls in a unit test as well', () => {
  const auth = fakeAuth({ scopes: ['read:orders'] });
  expect(getAuth({ auth })).toBe(auth);
  expect(() => getAuth({ metadata: new Metadata() })).toThrow('getAuth: the request is not authenticated');
});
