import type { RequestHandler } from 'express';

/**
 * The transport requires it, against scripts of websites that were made to call a server in the reach of
 * their visitor (DNS rebinding).
 */
export function refuseOtherOrigins(allowed: readonly string[]): RequestHandler {
  return (req, res, next) => {
    const { origin } = req.headers;
    if (origin === undefined || allowed.includes(origin)) next();
    else res.status(403).end();
  };
}
