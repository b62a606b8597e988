import {
  createResourceServer,
  isResourceServer,
  type ResourceServer,
  type ResourceServerOptions,
} from '../../src/index.js';

/** The resource server that a plugin was given, or one made of its options. */
export function serverOf(options: ResourceServerOptions | ResourceServer): ResourceServer {
  return isResourceServer(options) ? options : createResourceServer(withoutRegisterOptions(options));
}

/** `app.register` takes options of its own beside the plugin's. */
function withoutRegisterOptions(options: ResourceServerOptions): ResourceServerOptions {
  const own: Record<string, unknown> = { ...options };
  for (const name of ['prefix', 'logLevel', 'logSerializers']) delete own[name];
  return own as unknown as ResourceServerOptions; // what is left was the caller's ResourceServerOptions
}
