/** A form with a token in it isn't longer; a longer one isn't looked at. */
const MAX_BYTES = 65_536;
const FORM = 'application/x-www-form-urlencoded';

/**
 * The form in a request's body, from a copy that leaves the body to the handler; undefined if it has none, or
 * a long one.
 */
export async function readForm(request: Request): Promise<Record<string, unknown> | undefined> {
  const type = request.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  const { body } = type === FORM && !request.bodyUsed ? request.clone() : { body: null };
  if (body === null) return undefined;
  let text = '';
  let bytes = 0;
  const decoder = new TextDecoder();
  const reader = body.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    bytes += read.value.byteLength;
    if (bytes > MAX_BYTES) {
      reader.cancel().catch(() => undefined); // settles when the handler has read the original, or not at all
      return undefined;
    }
    text += decoder.decode(read.value, { stream: true });
  }
  const form = new URLSearchParams(text + decoder.decode());
  return Object.fromEntries(
    [...form.keys()].map((name) => {
      const values = form.getAll(name);
      return [name, values.length > 1 ? values : values[0]];
    }),
  );
}
