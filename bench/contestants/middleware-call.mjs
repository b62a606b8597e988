/**
 * Calls an Express middleware without Express: with a request of {@link requestWith}, and a response that only knows refusal.
 */
export function callMiddleware(middleware) {
  return (request) =>
    new Promise((resolve, reject) => {
      middleware(request, responseTo(reject), (error) => (error ? reject(error) : resolve()));
    });
}

/**
 * A GET request as Node delivers it, with those of Express's additions that these middlewares read. With a proof under another scheme, if one is given.
 * Each comes over a connection of its own, unless there is a `socket`.
 */
export function requestWith(token, { scheme = 'Bearer', dpop, socket = newSocket() } = {}) {
  const authorization = `${scheme} ${token}`;
  const proof = dpop === undefined ? {} : { dpop };
  return {
    method: 'GET',
    url: '/stock/42',
    originalUrl: '/stock/42',
    protocol: 'http',
    headers: { host: 'inventory.example.com', authorization, ...proof },
    rawHeaders: [
      ...['Host', 'inventory.example.com', 'Authorization', authorization],
      ...Object.entries(proof).flat(),
    ],
    socket,
    query: {},
    is: () => false,
    get: (name) => (name.toLowerCase() === 'host' ? 'inventory.example.com' : undefined),
  };
}

export function newSocket() {
  return { remoteAddress: '127.0.0.1' };
}

function responseTo(refuse) {
  return {
    setHeader() {},
    end() {
      refuse(new Error(`answered ${this.statusCode}`));
    },
  };
}
