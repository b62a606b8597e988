import { isResourceServer, type ResourceServer, type ResourceServerOptions } from '../../src/index.js';

/** What a plugin was given but for `app.register`'s own options, which come beside the plugin's. */
export function withoutRegisterOptions(
  options: ResourceServerOptions | ResourceServer,
): ResourceServerOptions | ResourceServer {
  if (isResourceServer(options)) return options;
  const own = { ...options };
  for (const name of ['prefix', 'logLevel', 'logSerializers']) Reflect.deleteProperty(own, name);
  return own;
}
