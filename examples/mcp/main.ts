import * as sdk1 from './client.js';
import * as sdk2 from './client-2.js';
import { createMcpApp } from './server.js';
import { createMcpApp as createMcpApp2 } from './server-2.js';
import { playMcp } from './story.js';

const { challenge, metadata, contents } = await playMcp(createMcpApp, sdk1.callTools, ['count_stock']);
console.log(`Without an access token:\n  ${challenge}\n`);
console.log(`The metadata:\n${JSON.stringify(metadata, undefined, 2).replace(/^/gm, '  ')}\n`);
console.log(`The tool, called with the access token that the client got:\n  ${JSON.stringify(contents)}\n`);

const tools = ['count_stock', 'move_stock'];
const story = await playMcp(createMcpApp2, sdk2.callTools, tools);
console.log(
  `The same with SDK 2.x, and a tool that needs two scopes more:\n  ${JSON.stringify(story.contents)}`,
);
console.log(`  after the answers ${story.answers.join(', ')}`);
