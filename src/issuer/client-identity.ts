import { FetchFailure } from '../lib/fetch.js';
import type { AuthenticatedEndpoint, ClientCredential } from './client-authentication.js';
import {
  type AskedCertificate,
  type CredentialSettings,
  CredentialSource,
  type CredentialSourceOptions,
} from './credential-source.js';
import type { IssuerMetadata } from './metadata.js';

type Fetch = typeof globalThis.fetch;

/** Files are checked, and functions called, again after this time at the earliest. */
const CERTIFICATE_SECONDS = 1;

/** With TLS 1.3, a server can only refuse by closing the connection. */
const REFUSED =
  'does the server accept the certificate of this client? Some close the connection if they do not';
const UNKNOWN_AUTHORITY =
  "the server's certificate is not from a known authority: give that authority in the option certificate, " +
  'as ca or caFile';
/** Node's codes for servers that can't be trusted. */
const UNTRUSTED = /SELF_SIGNED_CERT|^UNABLE_TO_(?:GET_ISSUER_CERT|VERIFY_LEAF)/;

export interface IdentitySettings {
  readonly credential: CredentialSettings;
  /** The certificate of its connections, as the credential itself or in addition to one. */
  readonly certificate: AskedCertificate | undefined;
}

/**
 * How a client identifies itself to an authorization server: its credential, and the certificate of its
 * connections.
 */
export class ClientIdentity {
  /** Whether to prefer endpoints for clients with certificates (RFC 8705 §5). */
  readonly #prefersMtls: boolean;
  readonly #credentials: CredentialSource;
  readonly #certificates: CredentialSource;
  readonly #fetch: Fetch;

  /** @param fetch for a client without a certificate, or one that shows it itself */
  constructor({ credential, certificate }: IdentitySettings, options: CredentialSourceOptions, fetch: Fetch) {
    this.#prefersMtls = certificate !== undefined || credential.kind === 'certificate';
    this.#credentials = new CredentialSource(credential, options);
    const { rememberSeconds: usual = 0 } = options;
    const rememberSeconds = Math.max(certificate?.from === 'files' ? 0 : usual, CERTIFICATE_SECONDS);
    this.#certificates = new CredentialSource(certificate ?? { kind: 'certificate' }, {
      ...options,
      rememberSeconds,
    });
    this.#fetch = fetch;
  }

  /**
   * Makes a request like {@link CredentialSource.use}.
   *
   * @param request gets the credential and `fetch` to use
   */
  async use<T>(
    request: (credential: ClientCredential, fetch: Fetch) => Promise<T>,
    isRefusal: (error: unknown) => boolean,
    signal: AbortSignal,
  ): Promise<T> {
    const withCertificate = (certificate: ClientCredential) => {
      const fetch = this.#fetchWith(certificate);
      return this.#credentials.use((credential) => request(credential, fetch), isRefusal, signal);
    };
    return this.#certificates.use(withCertificate, isRefusal, signal);
  }

  /** The `fetch` for further requests to the server. @throws {CredentialUnavailable} */
  async connect(signal?: AbortSignal): Promise<Fetch> {
    return this.#fetchWith(await this.#certificates.get(signal));
  }

  /**
   * The endpoint at `url`, or if that's undefined, the one that the metadata names.
   *
   * @throws {UnavailableError} the metadata isn't available, or doesn't name it
   */
  async locate(
    url: string | undefined,
    name: 'token_endpoint' | 'introspection_endpoint',
    metadata: IssuerMetadata,
    signal: AbortSignal,
  ): Promise<AuthenticatedEndpoint> {
    if (url !== undefined) return { url, supported: [] };
    const document = await metadata.get(signal);
    const supported = document.list(`${name}_auth_methods_supported`);
    return { url: document.endpoint(name, this.#prefersMtls), supported };
  }

  /** What may be wrong with the handshake if a request with a certificate gets no answer. */
  explain(error: unknown): string | undefined {
    if (!this.#prefersMtls || !(error instanceof FetchFailure)) return undefined;
    if (UNTRUSTED.test(error.message)) return UNKNOWN_AUTHORITY;
    return error.kind === 'broken' || error.message.includes('_ALERT_') ? REFUSED : undefined;
  }

  /** Whether requests now use another certificate. */
  hasReplaced(fetch: Fetch): boolean {
    const latest = this.#certificates.latest();
    return latest !== undefined && this.#fetchWith(latest) !== fetch;
  }

  #fetchWith(certificate: ClientCredential): Fetch {
    return (certificate.kind === 'certificate' && certificate.fetch) || this.#fetch;
  }
}
