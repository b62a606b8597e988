import { checkNames } from '../lib/check.js';
import type { Outage } from './issuer-server.js';
import type { KeyRing } from './signing-key.js';

/** What can happen to an issuer. */
export interface IssuerSwitches {
  /**
   * From now on a new key signs. The old one is no longer published: its tokens are refused once the
   * resource server has loaded the keys again.
   *
   * Tokens of the new key are valid at once. Over HTTP a resource server asks for unknown keys only once per
   * `keys.cooldownSeconds`: a test that rotates a listening issuer twice, or after sending a token with an
   * unknown `kid`, needs a clock to step over that.
   *
   * @param options `keepPrevious: true` keeps the keys published so far, like an issuer that rotates
   *   properly. Default false
   * @throws {TypeError} an unknown option (the promise rejects)
   */
  rotateKeys(options?: { readonly keepPrevious?: boolean }): Promise<void>;
  /**
   * The keys are out of reach until {@link IssuerSwitches.comeBack}. You can still make tokens.
   *
   * @param options `resetConnections: true` makes a listening issuer break connections instead of answering
   *   503. Default false
   * @throws {TypeError} an unknown option
   */
  goDown(options?: { readonly resetConnections?: boolean }): void;
  /** Ends an outage. */
  comeBack(): void;
}

/** The switches of an issuer with these keys. */
export function createIssuerSwitches(keys: KeyRing): {
  readonly switches: IssuerSwitches;
  readonly outage: () => Outage;
} {
  let outage: Outage = 'none';
  const switches: IssuerSwitches = {
    async rotateKeys(choice = {}) {
      checkNames(choice, ['keepPrevious'], 'rotateKeys');
      await keys.rotate(choice.keepPrevious === true);
    },
    goDown(choice = {}) {
      checkNames(choice, ['resetConnections'], 'goDown');
      outage = choice.resetConnections === true ? 'reset' : 'unavailable';
    },
    comeBack() {
      outage = 'none';
    },
  };
  return { switches, outage: () => outage };
}
