import { describeDuration } from '../describe-time.js';
import { type Finding, info, ok, warning } from './finding.js';
import type { Probe } from './probe.js';

/** The default of `clockToleranceSeconds`. */
const TOLERANCE_SECONDS = 5;
/** `Date` tells whole seconds: on average it is that much behind. */
const HALF_A_SECOND = 500;

/** Step `clock`: the issuer's clock by the `Date` of its last answer; undefined where there was none. */
export function examineClock(probes: readonly Probe[]): Finding | undefined {
  const answer = probes.map((probed) => probed.answer).findLast((one) => one !== undefined);
  if (answer === undefined) return undefined;
  const sentAt = Date.parse(answer.date ?? '');
  if (Number.isNaN(sentAt)) return info('clock', 'the answers have no Date to compare the clocks by');
  const ahead = (answer.receivedAt - sentAt - HALF_A_SECOND) / 1000 - answer.ageSeconds;
  if (Math.abs(ahead) <= TOLERANCE_SECONDS)
    return ok('clock', `the clocks here and there agree to ${TOLERANCE_SECONDS} s`);
  const consequence =
    ahead > 0
      ? 'tokens expire too early here, and short-lived ones are refused at once'
      : 'new tokens are refused here with issued_in_future';
  return warning(
    'clock',
    `this clock is ${describeDuration(Math.round(Math.abs(ahead)))} ${ahead > 0 ? 'ahead of' : 'behind'} the issuer's: ${consequence}`,
    'Set both clocks by NTP. For a difference that stays there is clockToleranceSeconds, at most 300.',
  );
}
