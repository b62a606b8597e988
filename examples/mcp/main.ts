import { playMcp } from './story.js';

const { challenge, metadata, content } = await playMcp();
console.log(`Without an access token:\n  ${challenge}\n`);
console.log(`The metadata:\n${JSON.stringify(metadata, undefined, 2).replace(/^/gm, '  ')}\n`);
console.log(`The tool, called with the access token that the client got:\n  ${JSON.stringify(content)}`);
