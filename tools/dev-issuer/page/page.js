// The page of the development issuer. Plain script: what is here is what runs.

import { dateRows } from './dates.js';
import { around, copyOnClick, element, fill, perform, showError, text } from './elements.js';
import { judgeForgery, judgeGenuine, showVerdicts } from './verdicts.js';

/** What the development issuer can do, from `/dev/settings`. */
let settings;
/** What was made of the form as it stands, from `/dev/token`. Undefined once the form has changed. */
let made;

start().catch((error) => showError('start', error));

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
  recallTarget();

  element('client').addEventListener('change', chooseClient);
  element('kind').addEventListener('change', explainKind);
  element('make').addEventListener('input', forgetToken);
  element('try').addEventListener('input', changeTarget);
  onSubmit('make', 'Making it …', makeToken);
  onSubmit('try', 'Sending it …', tryToken);
  onClick('send-all', 'try', 'Sending all of them …', tryForgeries);
  onClick('rotate-keep', 'keys', 'Making it …', () => rotateKeys(true));
  onClick('rotate-drop', 'keys', 'Making it …', () => rotateKeys(false));
  document.addEventListener('click', copyOnClick);
  setInterval(showDates, 1000);
}

function onSubmit(form, doing, act) {
  element(form).addEventListener('submit', (event) => {
    event.preventDefault();
    perform(element(form).querySelector('[type=submit]'), form, doing, act);
  });
}

function onClick(button, place, doing, act) {
  element(button).addEventListener('click', () => perform(element(button), place, doing, act));
}

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
  const box = document.createElement('input');
  box.type = 'checkbox';
  box.name = 'scope';
  box.value = scope;
  box.checked = true;
  return around('label', [box, text('code', scope)]);
}

/** A genuine token, and the forgeries by what a resource server says of them. */
function fillKinds() {
  const groups = new Map();
  for (const { name, description } of settings.forgeries)
    groups.set(description, [...(groups.get(description) ?? []), name]);
  element('kind').replaceChildren(new Option('genuine', ''));
  for (const [description, names] of groups) {
    const group = document.createElement('optgroup');
    group.label = `Forged: ${midSentence(description)}`;
    group.append(...names.map((name) => new Option(name, name)));
    element('kind').append(group);
  }
}

function explainKind() {
  const forgery = settings.forgeries.find(({ name }) => name === element('kind').value);
  element('kind-hint').textContent =
    forgery === undefined
      ? 'A token that the API must accept.'
      : `The API must refuse it with status ${forgery.status}: ${midSentence(forgery.description)}.`;
}

/** `The access token expired` → `the access token expired` */
function midSentence(sentence) {
  return sentence.replace(/^[A-Z]/, (letter) => letter.toLowerCase());
}

/** What the form asks for: members of `/dev/token`. */
function readForm() {
  const scopes = [...document.querySelectorAll('input[name=scope]:checked')].map(({ value }) => value);
  return {
    clientId: element('client').value,
    audience: element('audience').value,
    scope: scopes.join(' '),
    ...(element('kind').value === '' ? {} : { forgery: element('kind').value }),
  };
}

function isSame(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** The form has changed: what was made before is neither shown nor sent any more. */
function forgetToken() {
  made = undefined;
  element('token').hidden = true;
  element('token-none').hidden = false;
  element('curl-block').hidden = true;
  element('make-status').textContent = '';
  changeRequest();
}

/** Makes what the form asks for, and resolves with what there is to say of it. */
async function makeToken() {
  const form = readForm();
  const answer = await ask('/dev/token', form);
  if (!isSame(form, readForm())) return makeToken(); // the form changed meanwhile
  made = answer;
  forgetAnswer();
  element('token-parts').hidden = made.token === undefined;
  element('token-header').textContent = showPart(made.header);
  element('token-claims').textContent = showPart(made.claims);
  element('token-text').replaceChildren(...sentParts(made));
  element('token-none').hidden = true;
  element('token').hidden = false;
  showDates();
  showCurl();
  return form.forgery === undefined ? `Made for ${form.clientId}.` : `Forged: ${form.forgery}.`;
}

function showDates() {
  const rows = dateRows(made?.claims);
  const shown = rows.flatMap(([title, words]) => [text('dt', title), text('dd', words)]);
  const words = shown.map(({ textContent }) => textContent).join('');
  if (element('token-dates').textContent === words) return; // a selection, and a reader, stay where they are
  element('token-dates').replaceChildren(...shown);
  element('token-dates').hidden = rows.length === 0;
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

function readTarget() {
  return { url: element('url').value, method: element('method').value };
}

/** An answer belongs to the token and the route that it was asked with. */
function forgetAnswer() {
  element('verdict').replaceChildren();
  element('answer').hidden = true;
  element('verdicts').hidden = true;
}

/** What would be sent is another request now. */
function changeRequest() {
  forgetAnswer();
  element('try-status').textContent = '';
  element('try-error').hidden = true;
}

function changeTarget() {
  changeRequest();
  showCurl();
  try {
    localStorage.setItem('target', JSON.stringify(readTarget()));
  } catch {
    // Not allowed to store anything: the next visit starts with the default.
  }
}

/** The route of the last visit. */
function recallTarget() {
  try {
    const { url, method } = JSON.parse(localStorage.getItem('target') ?? '{}');
    if (typeof url === 'string') element('url').value = url;
    if (settings.methods.includes(method)) element('method').value = method;
  } catch {
    // Nothing that can be read: the default it is.
  }
}

async function tryToken() {
  forgetAnswer();
  if (made === undefined) element('make-status').textContent = await makeToken();
  const sent = made;
  const target = readTarget();
  const answer = await ask('/dev/try', { ...target, headers: sent.headers });
  if (made !== sent || !isSame(target, readTarget())) return ''; // it's about what isn't shown any more
  const { expected } = sent;
  const { tone, words } = expected === undefined ? judgeGenuine(answer) : judgeForgery(answer, expected);
  element('verdict').replaceChildren(text('p', words, `verdict ${tone}`));
  const rows = answer.kind === 'answered' ? answerRows(answer) : [];
  element('answer').replaceChildren(
    ...rows.flatMap(([name, content]) => [text('dt', name), definition(content)]),
  );
  element('answer').hidden = rows.length === 0;
  return '';
}

async function tryForgeries() {
  forgetAnswer();
  const target = readTarget();
  if (!element('try').reportValidity()) return '';
  const { forgery: _chosen, ...grant } = readForm();
  const answers = await ask('/dev/try-forgeries', { ...grant, ...target });
  const { forgery: _chosenNow, ...grantNow } = readForm();
  if (!isSame(target, readTarget()) || !isSame(grant, grantNow)) return '';
  const { genuine } = answers;
  if (genuine.kind === 'unreachable') throw new Error(`The API cannot be reached: ${genuine.reason}.`);
  return showVerdicts(answers, (name) => {
    element('kind').value = name;
    explainKind();
    forgetToken();
    element('kind').focus();
  });
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
  const shown = text('pre', body, 'tall');
  shown.tabIndex = 0;
  shown.setAttribute('aria-label', 'Body');
  rows.push([isCut ? 'Body (beginning)' : 'Body', body === '' ? 'empty' : shown]);
  return rows;
}

function definition(content) {
  return around('dd', [typeof content === 'string' ? text('code', content) : content]);
}

function showCurl() {
  element('curl-block').hidden = made === undefined;
  element('curl').tabIndex = 0; // it scrolls
  if (made === undefined) return;
  const { method, url } = readTarget();
  const flags = { GET: '', HEAD: ' --head' }[method] ?? ` --request ${method}`;
  const headers = Object.entries(made.headers).map(
    ([name, value]) => ` --header ${shellWord(`${name}: ${value}`)}`,
  );
  element('curl').textContent = `curl --include${flags}${headers.join('')} ${shellWord(url)}`;
}

/** One word of a POSIX shell, whatever is in it. */
function shellWord(word) {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

// Keys and settings

async function rotateKeys(keepPrevious) {
  const { keyIds } = await ask('/dev/keys', { keepPrevious });
  showKeys(keyIds);
  return keepPrevious
    ? 'A new key signs. Tokens of the old ones are still valid.'
    : 'A new key signs. Tokens of the old ones are refused once the API has loaded the keys again.';
}

function showKeys(keyIds) {
  const items = keyIds.map((keyId, index) => {
    const signs = index === 0 ? [' ', text('span', 'signs', 'badge good')] : [];
    return around('li', [text('code', keyId), ...signs]);
  });
  element('keys').replaceChildren(...items);
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
    ...shown.map(([title, content], index) => pasteBlock(title, content, index)),
  );
}

function pasteBlock(title, content, index) {
  const id = `paste-${index}`;
  const heading = text('h3', title);
  heading.id = `${id}-title`;
  const button = text('button', 'Copy', 'small');
  button.type = 'button';
  button.dataset.copy = id;
  button.setAttribute('aria-describedby', heading.id);
  const block = text('pre', content);
  block.id = id;
  return around('div', [around('div', [heading, button], 'titled'), block]);
}
