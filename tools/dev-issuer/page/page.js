// The page of the development issuer. Plain script: what is here is what runs.

import { copyOnClick, element, fill, text } from './elements.js';

/** What the development issuer can do, from `/dev/settings`. */
let settings;
/** What was made last, from `/dev/token`, and the name of the forgery. */
let made;

start().catch(report);

async function start() {
  settings = await ask('/dev/settings');
  element('issuer').textContent = settings.issuer;
  element('jwks').textContent = settings.endpoints.jwks;
  element('algorithm').textContent = settings.algorithm;
  fill(
    element('client'),
    settings.clients.map(({ clientId }) => clientId),
  );
  fill(element('method'), settings.methods);
  fillKinds();
  showKeys(settings.keyIds);
  chooseClient();
  explainKind();

  element('client').addEventListener('change', chooseClient);
  element('kind').addEventListener('change', explainKind);
  element('method').addEventListener('change', showCurl);
  element('url').addEventListener('input', showCurl);
  onSubmit('make', makeToken);
  onSubmit('try', tryToken);
  element('rotate-keep').addEventListener('click', () => rotateKeys(true).catch(report));
  element('rotate-drop').addEventListener('click', () => rotateKeys(false).catch(report));
  document.addEventListener('click', copyOnClick);
}

// Talking to the server

/** Sends JSON, or asks by GET without a body. Throws an error whose message is for the user. */
async function ask(path, body) {
  const options = {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  };
  let response;
  try {
    response = await fetch(path, body === undefined ? {} : options);
  } catch {
    throw new Error('The development issuer does not answer. Does it still run?');
  }
  const answer = await response.json();
  if (!response.ok)
    throw new Error(`The development issuer refuses: ${answer.error_description ?? answer.error}.`);
  return answer;
}

function report(error) {
  const alert = element('alert');
  alert.textContent = error.message;
  alert.hidden = false;
  alert.scrollIntoView({ block: 'nearest' });
}

function onSubmit(id, action) {
  element(id).addEventListener('submit', (event) => {
    event.preventDefault();
    element('alert').hidden = true;
    action().catch(report);
  });
}

// Making a token

function chooseClient() {
  const client = chosenClient();
  fill(element('audience'), client.audience);
  element('scopes').replaceChildren(...client.scopes.map(scopeChoice));
  if (client.scopes.length === 0) element('scopes').append(text('p', 'This client has no scopes.', 'hint'));
  element('paste-client').textContent = client.clientId;
  showPaste(client.paste);
}

function chosenClient() {
  return settings.clients.find(({ clientId }) => clientId === element('client').value);
}

function scopeChoice(scope) {
  const label = document.createElement('label');
  const box = document.createElement('input');
  box.type = 'checkbox';
  box.name = 'scope';
  box.value = scope;
  box.checked = true;
  label.append(box, text('code', scope));
  return label;
}

/** A genuine token, and the forgeries by the reason for which a resource server refuses them. */
function fillKinds() {
  const kind = element('kind');
  kind.replaceChildren(new Option('genuine', ''));
  const reasons = new Map();
  for (const { name, reason } of settings.forgeries)
    reasons.set(reason, [...(reasons.get(reason) ?? []), name]);
  for (const [reason, names] of reasons) {
    const group = document.createElement('optgroup');
    group.label = `forged: ${reason}`;
    group.append(...names.map((name) => new Option(name, name)));
    kind.append(group);
  }
}

function explainKind() {
  const forgery = settings.forgeries.find(({ name }) => name === element('kind').value);
  element('kind-hint').textContent =
    forgery === undefined
      ? 'A token that the API must accept.'
      : `A request that the API must refuse with status ${forgery.status}. ` +
        'It differs in one thing from a genuine one.';
}

async function makeToken() {
  const scopes = [...document.querySelectorAll('input[name=scope]:checked')].map(({ value }) => value);
  const forgery = element('kind').value;
  made = await ask('/dev/token', {
    clientId: element('client').value,
    audience: element('audience').value,
    scope: scopes.join(' '),
    ...(forgery === '' ? {} : { forgery }),
  });
  element('token-summary').textContent = forgery === '' ? summary(made.claims) : `Forged: ${forgery}.`;
  element('token-parts').hidden = made.token === undefined;
  element('token-header').textContent = showPart(made.header);
  element('token-claims').textContent = showPart(made.claims);
  element('token-text').replaceChildren(...sentParts(made));
  element('token-card').hidden = false;
  element('try-card').hidden = false;
  element('verdict').replaceChildren();
  element('answer').hidden = true;
  showCurl();
}

function summary({ exp, client_id: client }) {
  return `For ${client}, valid until ${new Date(exp * 1000).toLocaleTimeString()}.`;
}

function showPart(part) {
  return part === undefined ? 'No JSON object.' : JSON.stringify(part, null, 2);
}

/** The token, its parts coloured like what they decode to, or the header fields of a request without one. */
function sentParts({ token, headers }) {
  if (token === undefined) {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    return [lines.join('\n') || 'No credentials.'];
  }
  const [header, claims, ...rest] = token.split('.');
  const parts = [text('span', header, 'part-header')];
  if (claims !== undefined) parts.push('.', text('span', claims, 'part-claims'));
  if (rest.length > 0) parts.push('.', text('span', rest.join('.'), 'part-signature'));
  return parts;
}

// Trying it

async function tryToken() {
  element('answer').hidden = true;
  element('verdict').replaceChildren(text('p', 'Sending …', 'hint'));
  const { headers, expected } = made;
  const request = { url: element('url').value, method: element('method').value, headers };
  const answer = await ask('/dev/try', request).catch((error) => {
    element('verdict').replaceChildren();
    throw error;
  });
  const { tone, words } = judge(answer, expected);
  element('verdict').replaceChildren(text('p', words, `verdict ${tone}`));
  const rows = answer.kind === 'answered' ? answerRows(answer) : [];
  element('answer').replaceChildren(
    ...rows.flatMap(([name, content]) => [text('dt', name), definition(content)]),
  );
  element('answer').hidden = rows.length === 0;
}

/** What an answer means: for a genuine token, or for a request that had to be refused. */
function judge(answer, expected) {
  if (answer.kind === 'unreachable')
    return { tone: 'bad', words: `The API cannot be reached: ${answer.reason}.` };
  const { status } = answer;
  if (status === 503) return { tone: 'mixed', words: 'Neither: the API cannot tell at the moment (503).' };
  const isAccepted = status < 400 || status === 404;
  if (expected === undefined) {
    if (isAccepted) return { tone: 'good', words: `Accepted: status ${status}.` };
    return { tone: status < 500 ? 'bad' : 'mixed', words: `Refused: status ${status}.` };
  }
  if (isAccepted)
    return {
      tone: 'bad',
      words: `Let through with status ${status}, and should be refused with ${expected.status}.`,
    };
  if (status === expected.status)
    return { tone: 'good', words: `Refused with status ${status}, as it should be.` };
  return { tone: 'mixed', words: `Status ${status}, and should be ${expected.status} (${expected.reason}).` };
}

function answerRows({ status, statusText, challenges, location, contentType, body, isCut }) {
  const rows = [
    ['Status', `${status} ${statusText}`],
    ...(challenges.length === 0
      ? [['WWW-Authenticate', 'none']]
      : challenges.map((line) => ['WWW-Authenticate', line])),
  ];
  if (location !== undefined) rows.push(['Location', location]);
  if (contentType !== undefined) rows.push(['Content-Type', contentType]);
  const shown = text('pre', body, 'wrapped tall');
  rows.push([isCut ? 'Body (beginning)' : 'Body', body === '' ? 'empty' : shown]);
  return rows;
}

function definition(content) {
  const definition = document.createElement('dd');
  definition.append(typeof content === 'string' ? text('code', content) : content);
  return definition;
}

function showCurl() {
  if (made === undefined) return;
  const method = element('method').value;
  const flags = { GET: '', HEAD: ' --head' }[method] ?? ` --request ${method}`;
  const headers = Object.entries(made.headers).map(
    ([name, value]) => ` --header ${shellWord(`${name}: ${value}`)}`,
  );
  element('curl').textContent =
    `curl --include${flags}${headers.join('')} ${shellWord(element('url').value)}`;
}

/** One word of a POSIX shell, whatever is in it. */
function shellWord(word) {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

// Keys and settings

async function rotateKeys(keepPrevious) {
  element('alert').hidden = true;
  const { keyIds } = await ask('/dev/keys', { keepPrevious });
  showKeys(keyIds);
  element('keys-status').textContent = keepPrevious
    ? 'A new key signs. Tokens of the old ones are still valid.'
    : 'A new key signs. Tokens of the old ones are refused once the API has loaded the keys again.';
}

function showKeys(keyIds) {
  element('keys').replaceChildren(
    ...keyIds.map((keyId) => {
      const item = document.createElement('li');
      item.append(text('code', keyId));
      return item;
    }),
  );
}

function showPaste({ resourceServer, client, environment, getToken, callApi }) {
  const blocks = {
    'The API': resourceServer,
    'The service that calls it': client,
    'The same as an .env file': environment,
    'Get a token': getToken,
    'Call the API with it': callApi,
  };
  const shown = Object.entries(blocks).filter(([, content]) => content !== undefined);
  element('paste').replaceChildren(
    ...shown.flatMap(([title, content], index) => pasteBlock(title, content, index)),
  );
}

function pasteBlock(title, content, index) {
  const id = `paste-${index}`;
  const heading = text('h3', title);
  const button = text('button', 'Copy');
  button.type = 'button';
  button.dataset.copy = id;
  const head = document.createElement('div');
  head.className = 'titled';
  head.append(heading, button);
  const block = text('pre', content, 'wrapped');
  block.id = id;
  return [head, block];
}
