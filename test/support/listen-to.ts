import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { onTestFinished } from 'vitest';

/** The messages of a diagnostics channel from now to the end of the test. */
export function listenTo<Message>(channel: string): readonly Message[] {
  const messages: Message[] = [];
  const listener = (message: unknown): void => {
    messages.push(message as Message); // the caller names the type that the channel documents
  };
  subscribe(channel, listener);
  onTestFinished(() => {
    unsubscribe(channel, listener);
  });
  return messages;
}
