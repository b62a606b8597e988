import { createResourceServer } from '../../../src/index.js';

/**
 * No server at all: verifies the tokens that it's given as its last argument, says what came of them, and
 * ends by itself: no timer of the library keeps it.
 */
const { options, tokens } = JSON.parse(process.argv.at(-1) ?? '');
const server = createResourceServer(options);
const outcomes: unknown[] = [];
for (const token of tokens) {
  const request = new Request('https://api.example.com/', { headers: { Authorization: `Bearer ${token}` } });
  const decision = await server.authenticate(request);
  outcomes.push(decision.kind === 'allowed' ? 200 : [decision.answer.status, decision.error.reason]);
}
console.log(JSON.stringify(outcomes));
