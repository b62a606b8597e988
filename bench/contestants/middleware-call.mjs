/**
 * Calls an Express middleware without Express: with a request of {@link requestWith}, and a response that only knows refusal.
 */
export function callMiddleware(middleware) {
  return (request) =>
    new Promise((resolve, reject) => {
      middleware(request, responseTo(reject), (error) => (error ? reject(error) : resolve()));
    });
}

/** A GET request as Node delivers it, with those of Express's additions that these middlewares read. */
export function requestWith(token) {
  const authorization = `Bearer ${token}`;
  return {
    method: 'GET',
    url: '/stock/42',
    originalUrl: '/stock/42',
    protocol: 'http',
    headers: { host: 'inventory.example.com', authorization },
    rawHeaders: ['Host', 'inventory.example.com', 'Authorization', authorization],
    socket: { remoteAddress: '127.0.0.1' },
    query: {},
    is: () => false,
    get: (name) => (name.toLowerCase() === 'host' ? 'inventory.example.com' : undefined),
  };
}

function responseTo(refuse) {
  return {
    setHeader() {},
    end() {
      refuse(new Error(`answered ${this.statusCode}`));
    },
  };
}
