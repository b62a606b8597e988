// Dates of a token in words. Claims have them as seconds since the epoch (RFC 7519 §2).

/** The claims that are dates, and what they say. */
const DATES = { iat: 'Issued', auth_time: 'User authenticated', nbf: 'Valid from', exp: 'Expires' };

/** Each with its length in seconds, and from when on it's used: 59 minutes and a half are an hour. */
const UNITS = [
  ['year', 31_557_600, 30_000_000],
  ['month', 2_629_800, 2_500_000],
  ['day', 86_400, 84_600],
  ['hour', 3600, 3570],
  ['minute', 60, 59.5],
];
const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** `["Expires", "28 November 2026 at 14:03:07 (in 59 minutes)"]` for each date among the claims. */
export function dateRows(claims = {}) {
  return Object.entries(DATES)
    .filter(([name]) => Object.hasOwn(claims, name))
    .map(([name, title]) => [
      name === 'exp' && claims.exp < Date.now() / 1000 ? 'Expired' : title,
      dateInWords(claims[name]),
    ]);
}

function dateInWords(seconds) {
  const date = new Date(typeof seconds === 'number' ? seconds * 1000 : Number.NaN);
  if (Number.isNaN(date.getTime())) return 'not a date';
  const words = date.toLocaleString('en-GB', { dateStyle: 'long', timeStyle: 'medium' });
  return `${words} (${distance(seconds - Date.now() / 1000)})`;
}

/** `in 59 minutes`, `2 hours ago`. */
function distance(seconds) {
  const [unit, length] = UNITS.find(([, , least]) => Math.abs(seconds) >= least) ?? ['second', 1];
  return RELATIVE.format(Math.round(seconds / length), unit);
}
