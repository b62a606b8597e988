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
