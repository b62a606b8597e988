// What the page does with its elements. Text from elsewhere is only ever set as text.

export const element = (id) => document.getElementById(id);

/** Gives a select these options. */
export function fill(select, values) {
  select.replaceChildren(...values.map((value) => new Option(value, value)));
}

/** A new element with this text. */
export function text(name, content, className = '') {
  const node = document.createElement(name);
  node.textContent = content;
  if (className !== '') node.className = className;
  return node;
}

/** A new element around others. */
export function around(name, children, className = '') {
  const node = text(name, '', className);
  node.append(...children);
  return node;
}

/**
 * Has a button do something, one thing at a time, and shows beside it how that goes: in `<place>-status` and
 * `<place>-error`. The button keeps the focus meanwhile, so it isn't disabled.
 *
 * @param act resolves with the text of the status
 */
export async function perform(button, place, doing, act) {
  if (button.getAttribute('aria-disabled') === 'true') return;
  button.setAttribute('aria-disabled', 'true');
  element(`${place}-error`).hidden = true;
  element(`${place}-status`).textContent = doing;
  try {
    element(`${place}-status`).textContent = await act();
  } catch (error) {
    element(`${place}-status`).textContent = '';
    showError(place, error);
  } finally {
    button.removeAttribute('aria-disabled');
  }
}

export function showError(place, error) {
  const alert = element(`${place}-error`);
  alert.textContent = error.message;
  alert.hidden = false;
}

/** For buttons with `data-copy`: copies the text of the element with that id. */
export async function copyOnClick({ target }) {
  const { copy } = target instanceof HTMLElement ? target.dataset : {};
  if (copy === undefined) return;
  const source = element(copy);
  try {
    await navigator.clipboard.writeText(source.textContent);
    target.textContent = 'Copied';
  } catch {
    // Not allowed to write the clipboard: select the text, so that the keyboard copies it.
    getSelection().selectAllChildren(source);
    target.textContent = 'Selected';
  }
  target.addEventListener(
    'blur',
    () => {
      target.textContent = 'Copy';
    },
    { once: true },
  );
}
