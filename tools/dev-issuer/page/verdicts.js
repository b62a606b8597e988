// What the answer of an API means, for one request and for all forgeries.

import { around, element, text } from './elements.js';

/** Answers that say no to credentials (RFC 6750 §3.1). */
const REFUSALS = [400, 401, 403];

/** What the answer to a genuine token means. */
export function judgeGenuine(answer) {
  if (answer.kind === 'unreachable') return unanswered(answer);
  const { status } = answer;
  if (status === 503) return { tone: 'mixed', words: 'Neither: the API cannot tell at the moment (503).' };
  if (status < 400) return { tone: 'good', words: `Accepted: status ${status}.` };
  if (status === 401 || status === 403) return { tone: 'bad', words: `Refused: status ${status}.` };
  if (status === 404)
    return { tone: 'mixed', words: 'Not refused, but there is nothing at this path: status 404.' };
  return { tone: 'mixed', words: `Neither accepted nor refused: status ${status}.` };
}

/**
 * What the answer to a forgery means.
 *
 * @param genuine the status that a genuine token got at the same route, if that's known: whoever is answered
 *   like that has got through, whatever the route says then
 */
export function judgeForgery(answer, expected, genuine) {
  if (answer.kind === 'unreachable') return { ...unanswered(answer), tone: 'mixed', short: 'No answer' };
  const { status } = answer;
  if (status === expected.status)
    return { tone: 'good', short: 'Refused', words: `Refused with status ${status}, as it should be.` };
  if (status < 400 || status === 404 || (status === genuine && !REFUSALS.includes(status)))
    return {
      tone: 'bad',
      short: 'Got through',
      words: `Let through with status ${status}, and should be refused with ${expected.status}.`,
    };
  return {
    tone: 'mixed',
    short: REFUSALS.includes(status) ? `Refused, not as expected` : `Cannot tell`,
    words: `Status ${status}, and should be ${expected.status} (${expected.reason}).`,
  };
}

function unanswered({ reason }) {
  return { tone: 'bad', words: `The API cannot be reached: ${reason}.` };
}

/**
 * Shows the table of verdicts, forgeries that got through first. Returns what it comes to, in a sentence.
 *
 * @param choose called with the name of a forgery that somebody wants to look at
 */
export function showVerdicts({ genuine, forgeries }, choose) {
  const judged = forgeries.map((forgery) => ({
    ...forgery,
    ...judgeForgery(forgery.answer, forgery.expected, genuine.status),
  }));
  const through = judged.filter(({ tone }) => tone === 'bad');
  const odd = judged.filter(({ tone }) => tone === 'mixed');
  const sentence = summary(judged, through, odd);
  const tone = through.length > 0 ? 'bad' : odd.length > 0 ? 'mixed' : 'good';
  element('verdicts-summary').textContent = sentence;
  element('verdicts-summary').className = `verdict ${tone}`;
  const doubt = doubtAbout(genuine, through);
  element('verdicts-doubt').textContent = doubt ?? '';
  element('verdicts-doubt').hidden = doubt === undefined;

  const groups = new Map([
    ['Got through', through],
    ['Not as expected', odd],
  ]);
  for (const one of judged.filter((forgery) => forgery.tone === 'good'))
    groups.set(one.description, [...(groups.get(one.description) ?? []), one]);
  const table = document.querySelector('#verdicts table');
  for (const body of [...table.tBodies]) body.remove();
  table.append(genuineBody(genuine));
  for (const [title, members] of groups)
    if (members.length > 0) table.append(groupBody(title, members, choose));
  // Scrolls by keyboard, too.
  const scroll = element('verdicts-scroll');
  scroll.tabIndex = 0;
  scroll.setAttribute('role', 'region');
  scroll.setAttribute('aria-labelledby', 'verdicts-title');
  element('verdicts').hidden = false;
  return sentence;
}

function summary(judged, through, odd) {
  const refused = judged.length - through.length - odd.length;
  const parts = [`${refused} of ${judged.length} forgeries were refused as they should be`];
  if (through.length > 0) parts.push(`${through.length} got through`);
  if (odd.length > 0) parts.push(`${odd.length} were answered in another way`);
  return `${parts.join(', ')}.`;
}

const CHOOSE = 'The verdicts say little. Choose, for this route,';

/** Why the verdicts may say less than it seems. */
function doubtAbout({ status }, through) {
  if (status === 401 || status === 403)
    return `The genuine token was refused, too (${status}). ${CHOOSE} an audience and scopes that it accepts.`;
  if (status === 404)
    return 'There is nothing at this path, even for the genuine token (404). Is the URL right?';
  if (status >= 400)
    return `The genuine token got status ${status}. ${CHOOSE} a request that it answers well.`;
  const isAboutScope = ({ expected }) => expected.reason === 'insufficient_scope';
  if (through.length > 0 && through.every(isAboutScope))
    return 'Only forgeries of the scope got through: right for a route that asks for fewer than are ticked.';
  return undefined;
}

function genuineBody({ status }) {
  const { tone } = judgeGenuine({ kind: 'answered', status });
  const words = { good: 'Accepted', bad: 'Refused', mixed: 'Cannot tell' }[tone];
  return tableBody('To compare', '', [row('a genuine token', '2xx', status, words, tone)]);
}

function groupBody(title, members, choose) {
  const rows = members.map(({ name, expected, answer, tone, short }) => {
    const answered = answer.status ?? answer.reason;
    return row(name, expected.status, answered, short, tone, tone === 'good' ? undefined : choose);
  });
  return tableBody(title, `${members.length}`, rows, members[0].tone);
}

function tableBody(title, count, rows, tone = '') {
  const heading = around('th', [title, ' ', text('span', count, 'count')]);
  heading.colSpan = 4;
  heading.scope = 'rowgroup';
  return around('tbody', [around('tr', [heading], 'group'), ...rows], tone === 'bad' ? 'through' : '');
}

function row(name, expected, answered, words, tone, choose) {
  const title = text('th', name);
  title.scope = 'row';
  if (choose !== undefined) {
    const button = text('button', 'Choose it', 'small');
    button.type = 'button';
    button.setAttribute('aria-label', `Choose it: ${name}`);
    button.addEventListener('click', () => choose(name));
    title.append(' ', button);
  }
  const mark = { good: '✓', bad: '✗', mixed: '?' }[tone];
  const verdict = around('td', [text('span', mark, 'mark'), ' ', words], `tone ${tone}`);
  verdict.firstChild.setAttribute('aria-hidden', 'true');
  return around('tr', [title, text('td', expected, 'figure'), text('td', answered, 'figure'), verdict]);
}
